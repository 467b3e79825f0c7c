/// How a policy stands to the running one that a change is to replace by it.
enum Verdict {
    case right
    case older
    case same
    case wrong(UpdateError)

    /// Judges a policy.
    ///
    /// - Parameters:
    ///   - next: The policy.
    ///   - running: The running one.
    ///   - change: The change that offers it.
    ///   - epochs: What epochs depend on, apart from the running policy.
    init(on next: RolloutPolicy, after running: RolloutPolicy, _ change: Change, _ epochs: EpochMemory) {
        if let conflict = change.conflict(with: running) {
            self = .wrong(conflict)
            return
        }
        do throws(PolicyError) {
            if !change.isValid { try next.validate() }
        } catch {
            self = .wrong(.invalid(error))
            return
        }
        if next.revision < running.revision {
            self = .older
        } else if next.revision == running.revision {
            self = next == running ? .same : .wrong(.revisionTaken(next.revision))
        } else {
            let demands = next.epochDemands(from: running, epochs)
            self = demands.isEmpty ? .right : .wrong(.needsEpoch(demands))
        }
    }
}
