/// Stands before every change of a router's policy: a smoke test, an approval, something that has to be loaded first.
///
/// A ``RolloutUpdater`` asks its gates one after the other to prepare for the new policy, and publishes the policy when
/// all of them have. Then it tells each gate that prepared how the change ended. Decisions go on meanwhile.
///
/// One change at a time is at the gates. A change that only takes away asks none, because nothing new has to be
/// prepared. A change ends early if its time is up, its task is cancelled or another change goes first. A gate that
/// ignores cancellation may then still prepare, or finish, when the next change comes.
public protocol PolicyGate: Sendable {
    /// The gate's name in errors and in the history.
    var name: String { get }

    /// Returns if the policy may run, and throws if it must not.
    ///
    /// A preparation that throws undoes itself what it has done: ``finish(published:)`` is not called. The task is
    /// cancelled if the change ends early.
    ///
    /// - Parameters:
    ///   - running: The policy that runs now, which the next one would replace.
    ///   - next: The policy that is to run.
    /// - Throws: Why the policy must not run; the error's description becomes part of the change's error.
    func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws

    /// Called exactly once after each preparation that returned, even if it returned too late for its change.
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

/// Why a gate does not let a policy through, with a word for programs: what a gate should throw.
///
///     throw GateRefusal("notApproved", "revision \(next.revision) waits for Ana's approval")
///
/// A gate may throw any other error too. Only its description is then known to whoever made the change.
public struct GateRefusal: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The kind of refusal as a word that the gate keeps stable, for programs.
    public let code: String
    /// What is wrong, for people.
    public let message: String
    /// Whose part it is to do something about it.
    public let fault: Fault

    /// A refusal.
    ///
    /// - Parameters:
    ///   - code: The kind of refusal, for programs.
    ///   - message: What is wrong, for people.
    ///   - fault: Whose part it is to do something about it: the gate's, unless the policy or the caller has to change.
    public init(_ code: String, _ message: String, fault: Fault = .gate) {
        self.code = code
        self.message = message
        self.fault = fault
    }

    /// The message.
    public var description: String { message }
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

    /// The preparation runs in a task of its own, so nobody waits for a gate that ignores cancellation.
    ///
    /// **Claim:** `finish` is called exactly once after a preparation that returned. Because
    /// 1. the verdict is fulfilled only once;
    /// 2. if the preparation fulfils it with `passed`, the change calls ``finish(published:)`` when it ends;
    /// 3. if the verdict was there before, the task calls `finish`.
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
                verdict.fulfil(.threw(error))
            }
        }
        watch.whenEnded { interruption in
            if verdict.fulfil(.ended(interruption)) { task.cancelApart() }
        }
        return await verdict.value
    }
}
