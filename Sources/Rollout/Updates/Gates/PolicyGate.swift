/// Stands before every change of a router's policy: a smoke test, an approval, something that has to be loaded first.
///
/// A ``RolloutUpdater`` asks its gates one after the other to prepare for the new policy, and publishes the policy when all of
/// them have. Then it tells every gate whose preparation began, once, how the change ended. Decisions go on meanwhile.
///
/// One change after the other stands before the gates. A change that only takes away asks none: nothing that it leaves has to
/// be prepared. If a change ends early, because its time is up, its task is cancelled or another change goes first, then a
/// gate that does not heed cancellation may still prepare, or finish, when the next change comes.
public protocol PolicyGate: Sendable {
    /// What the gate is called in errors and in the history.
    var name: String { get }

    /// Returns if the policy may run, and throws if it must not.
    ///
    /// Cancelled when the change ends early.
    ///
    /// - Parameters:
    ///   - running: The policy that runs, and that the next one would replace.
    ///   - next: The policy that is to run.
    /// - Throws: Why the policy must not run; the error's description becomes part of the change's error.
    func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws

    /// Comes exactly once after each preparation, whether that returned or threw.
    ///
    /// - Parameter published: Whether the policy runs.
    func finish(published: Bool) async
}

extension PolicyGate {
    /// The name of the type.
    public var name: String { String(describing: Self.self) }

    /// Nothing to do.
    public func finish(published: Bool) async {}
}

/// How far a policy got on its way through the gates.
struct GatePassage: Sendable {
    /// The gates that let it through. Each still has to be told how the change ended.
    private(set) var passed: [any PolicyGate] = []
    /// Why the next gate did not.
    private(set) var refusal: UpdateError?

    private enum Verdict: Sendable {
        case passed
        case threw(any Error)
        case ended(Interruption)
    }

    /// Has one gate after the other prepare, up to the first that refuses or the end of the change.
    init(
        through gates: [any PolicyGate],
        from running: RolloutPolicy,
        to next: RolloutPolicy,
        under watch: ChangeWatch
    ) async {
        for gate in gates {
            switch await Self.prepare(gate, from: running, to: next, under: watch) {
            case .passed: passed.append(gate)
            case .threw(let error): refusal = .refused(by: gate.name, error)
            case .ended(let interruption): refusal = .ended(interruption, at: gate.name)
            }
            if refusal != nil { return }
        }
    }

    /// Tells the gates that let the policy through how the change ended, in their order.
    func finish(published: Bool) async {
        for gate in passed { await gate.finish(published: published) }
    }

    /// The preparation runs in a task of its own, so nobody waits for one that does not heed cancellation.
    ///
    /// **Claim:** `finish` comes once. Because 1. the verdict is fulfilled once; 2. if the preparation fulfils it with
    /// `passed`, ``finish(published:)`` comes from whoever changes the policy; 3. in every other case it comes from the task.
    private static func prepare(
        _ gate: any PolicyGate,
        from running: RolloutPolicy,
        to next: RolloutPolicy,
        under watch: ChangeWatch
    ) async -> Verdict {
        let verdict = OneShot<Verdict>()
        let task = Task {
            do {
                try await gate.prepare(from: running, to: next)
                if !verdict.fulfil(.passed) { await gate.finish(published: false) }
            } catch {
                await gate.finish(published: false)
                verdict.fulfil(.threw(error))
            }
        }
        watch.whenEnded { interruption in
            if verdict.fulfil(.ended(interruption)) { task.cancel() }
        }
        return await verdict.value
    }
}
