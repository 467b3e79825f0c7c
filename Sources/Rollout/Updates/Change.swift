/// Who changes a policy, why, and when.
struct UpdateOrigin: Sendable {
    var author: String?
    var reason: String?
    var time: UnixTime
}

/// One change on its way through a ``ChangeLine``.
final class Change: Sendable {
    let origin: UpdateOrigin
    /// The revision of the policy that the change offers, or nil if the policy is made from the running one.
    let revision: UInt32?
    /// Whether the policy that the change offers was read from JSON, and so has been validated.
    let isValid: Bool
    /// The revision that has to run when the change is published, or nil for any.
    let expected: UInt32?
    /// What a rollback restores; nil for any other change.
    let restoration: Restoration?
    /// What the store has to hold beside the policy, or nil for nothing.
    let condition: StoreCondition?
    /// Whether the running policy is to be stored if the store holds none.
    let seedsStore: Bool
    /// Whether the change is this process's alone, even if there is a store.
    let staysHere: Bool
    /// Whether the history has a refusal of this change already, because it was tried before.
    let isKnown: @Sendable (UpdateError) -> Bool
    let watch: ChangeWatch
    /// Delivers nil when it is this change's turn, or what ended the waiting.
    let turn = OneShot<Interruption?>()

    init(
        _ origin: UpdateOrigin,
        offering revision: UInt32? = nil,
        isValid: Bool = false,
        expecting expected: UInt32? = nil,
        restoring restoration: Restoration? = nil,
        requiring condition: StoreCondition? = nil,
        seedingStore seedsStore: Bool = false,
        stayingHere staysHere: Bool = false,
        under watch: ChangeWatch = ChangeWatch(),
        isKnown: @escaping @Sendable (UpdateError) -> Bool = { _ in false }
    ) {
        self.origin = origin
        self.revision = revision
        self.isValid = isValid
        self.expected = expected
        self.restoration = restoration
        self.condition = condition
        self.seedsStore = seedsStore
        self.staysHere = staysHere
        self.watch = watch
        self.isKnown = isKnown
    }

    /// That another revision runs than the change expects, or nil if it is that one or the change expects none.
    func conflict(with running: RolloutPolicy) -> UpdateError? {
        guard let expected, expected != running.revision else { return nil }
        return .conflict(expected: expected, running: running.revision)
    }
}

/// What ends a change before its time.
enum Interruption: Hashable, Sendable {
    case timedOut(after: Duration)
    case cancelled
    /// A change that only takes away was published as this revision.
    case overtakenBy(UInt32)
    case overtakenByRollback
    /// A change that only takes away goes to the store first.
    case overtakenByTakingAway

    /// Whether nobody waits for the change any more, not even for what the store says to it.
    var isFinal: Bool {
        switch self {
        case .timedOut, .cancelled: true
        case .overtakenBy, .overtakenByRollback, .overtakenByTakingAway: false
        }
    }
}

/// Ends whatever a change waits for if its time is up, its task is cancelled, or another change goes first.
final class ChangeWatch: Sendable {
    private struct State {
        var interruption: Interruption?
        var handler: (@Sendable (Interruption) -> Void)?
    }

    private let state = Lock(State())

    /// What has ended the change, or nil if nothing has.
    var interruption: Interruption? { state.withLock { $0.interruption } }

    /// Ends every wait of the change, now and later. Only the first interruption counts, and after that the first final one.
    func end(_ interruption: Interruption) {
        let handler = state.withLock { state -> (@Sendable (Interruption) -> Void)? in
            if let earlier = state.interruption, earlier.isFinal || !interruption.isFinal { return nil }
            state.interruption = interruption
            return state.handler
        }
        handler?(interruption)
    }

    /// Calls the handler when the change is interrupted, or at once if it is interrupted already. It replaces the
    /// handler before.
    func whenEnded(_ handler: @escaping @Sendable (Interruption) -> Void) {
        let interruption = state.withLock { state in
            state.handler = handler
            return state.interruption
        }
        if let interruption { handler(interruption) }
    }

    /// Calls the body, and ends the change if the time is up or the task is cancelled meanwhile.
    func during<Result>(_ limit: Duration?, _ clock: any Clock<Duration>, _ body: () async -> Result) async -> Result {
        let timer = limit.map { limit in
            Task {
                guard (try? await clock.sleep(for: limit.withinAllClocks)) != nil else { return }
                end(.timedOut(after: limit))
            }
        }
        defer { timer?.cancel() }
        return await withTaskCancellationHandler {
            await body()
        } onCancel: {
            end(.cancelled)
        }
    }

    /// Does some work, unless the change is interrupted first. The work is then cancelled, and not waited for.
    ///
    /// - Parameters:
    ///   - outlastsOvertaking: Whether the work is waited for although another change goes first.
    ///   - work: The work.
    /// - Returns: What the work gives, or nil.
    func value<Value: Sendable>(
        outlastingOvertaking outlastsOvertaking: Bool = false,
        of work: @escaping @Sendable () async -> Value
    ) async -> Value? {
        let outcome = OneShot<Value?>()
        let task = Task { outcome.fulfil(await work()) }
        whenEnded { interruption in
            if interruption.isFinal || !outlastsOvertaking, outcome.fulfil(nil) { task.cancelApart() }
        }
        return await outcome.value
    }

    /// Returns when the work is done or the change is interrupted. The work goes on in a task of its own.
    func bounded(_ work: @escaping @Sendable () async -> Void) async {
        let isOver = OneShot<Interruption?>()
        Task {
            await work()
            isOver.fulfil(nil)
        }
        whenEnded { isOver.fulfil($0) }
        _ = await isOver.value
    }
}
