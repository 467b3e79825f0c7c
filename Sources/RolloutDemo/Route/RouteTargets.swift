import Rollout

/// The rollouts of a policy, ready to decide.
struct RouteTargets {
    struct Target {
        let id: RolloutID
        let definition: RolloutDefinition
        let handle: RolloutHandle
    }

    private let targets: [RolloutID: Target]

    /// The policy's rollout where it has exactly one.
    var only: Target? { targets.count == 1 ? targets.values.first : nil }

    /// The rollouts of a policy that was read, and so is valid.
    init(_ policy: RolloutPolicy, now: UnixTime) throws(Stop) {
        let router: RolloutRouter
        do throws(PolicyError) {
            router = try RolloutRouter(policy: policy, now: now)
        } catch {
            throw .unusable("the policy is invalid\n\(error)")
        }
        var targets: [RolloutID: Target] = [:]
        for (id, definition) in policy.rollouts {
            targets[id] = router.rollout(id).map { Target(id: id, definition: definition, handle: $0) }
        }
        self.targets = targets
    }

    /// The rollout that `--rollout` names.
    func target(ofOption id: String) throws(Stop) -> Target {
        guard let target = named(id) else { throw .unusable("--rollout: " + unknown(id)) }
        return target
    }

    /// The rollout of a request: its own, else the standard one.
    func target(of request: RequestLine, standard: Target?) throws(RequestLine.Problem) -> Target {
        if let id = request.rollout {
            guard let target = named(id) else { throw RequestLine.Problem(message: unknown(id)) }
            return target
        }
        if let standard { return standard }
        let choice = names.isEmpty ? "the policy has none" : "the policy has \(alternatives(names))"
        throw RequestLine.Problem(message: "expected \"rollout\", found none, and no --rollout is given; \(choice)")
    }

    private var names: [String] { targets.keys.sorted().map(\.text) }

    private func named(_ id: String) -> Target? { RolloutID(id).flatMap { targets[$0] } }

    private func unknown(_ id: String) -> String { "unknown rollout \(quoted(id))" + suggestion(for: id, among: names) }
}
