/// A policy's digest, made when somebody first asks: writing and hashing a policy costs more than publishing it.
final class PolicyDigest: Sendable {
    private enum State {
        case policy(RolloutPolicy)
        case text(String)
    }

    private let state: Lock<State>

    init(of policy: RolloutPolicy) { state = Lock(.policy(policy)) }

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
