import Rollout

/// The rollouts that requests may go to.
struct RouteTargets {
    struct Target {
        let id: RolloutID
        let handle: RolloutHandle
    }

    private let targets: [RolloutID: Target]
    /// Where a request goes that names no rollout.
    let standard: Target?

    /// The rollouts of a policy.
    ///
    /// - Parameters:
    ///   - policy: The policy.
    ///   - id: The rollout of requests that name none; nil for the policy's only one.
    ///   - now: The time in Unix seconds.
    /// - Throws: `Stop` where the policy has no such rollout.
    init(_ policy: RolloutPolicy, standard id: String?, now: Int64) throws(Stop) {
        let router: RolloutRouter
        do throws(PolicyError) {
            router = try RolloutRouter(policy: policy, now: now)
        } catch {
            throw .unusable("the policy is invalid\n\(error)")
        }
        var targets: [RolloutID: Target] = [:]
        for id in policy.rollouts.keys { targets[id] = router.rollout(id).map { Target(id: id, handle: $0) } }
        self.targets = targets
        if let id {
            guard let target = RolloutID(id).flatMap({ targets[$0] }) else {
                throw .unusable("--rollout: " + Self.unknown(id, among: targets))
            }
            standard = target
        } else {
            standard = targets.count == 1 ? targets.values.first : nil
        }
    }

    func target(of request: RequestLine) throws(RequestLine.Problem) -> Target {
        if let id = request.rollout {
            if let target = RolloutID(id).flatMap({ targets[$0] }) { return target }
            throw RequestLine.Problem(message: Self.unknown(id, among: targets))
        }
        if let standard { return standard }
        let names = targets.keys.sorted().map(\.text)
        let choice = names.isEmpty ? "the policy has none" : "the policy has \(alternatives(names))"
        throw RequestLine.Problem(message: "expected \"rollout\", found none, and no --rollout is given; \(choice)")
    }

    private static func unknown(_ id: String, among targets: [RolloutID: Target]) -> String {
        let names = targets.keys.sorted().map(\.text)
        return "unknown rollout \(JSONTree.string(id).canonicalText)" + suggestion(for: id, among: names)
    }
}
