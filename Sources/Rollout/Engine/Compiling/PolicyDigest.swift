/// A policy's digest, made when somebody first asks: writing and hashing a policy costs more than publishing it.
final class PolicyDigest: Sendable {
    private enum State {
        case policy(RolloutPolicy)
        case text(String)
    }

    private let state: Lock<State>

    init(of policy: RolloutPolicy) { state = Lock(.policy(policy)) }

    init(text: String) { state = Lock(.text(text)) }

    /// SHA-256 of the canonical policy, in hexadecimal.
    var text: String {
        state.withLock { state in
            switch state {
            case .text(let text): return text
            case .policy(let policy):
                let text = policy.digest
                state = .text(text)
                return text
            }
        }
    }
}
