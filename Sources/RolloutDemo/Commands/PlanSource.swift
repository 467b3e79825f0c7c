import Rollout

extension Option {
    static let policyWithPlan = Option(name: "--policy", value: "FILE", summary: "the policy that holds the plan")
    static let rolloutWithPlan = Option(
        name: "--rollout",
        value: "ID",
        summary: "the rollout whose plan it is (default: the policy's only one with a plan)"
    )
    static let planAlone = Option(
        name: "--plan",
        value: "JSON",
        summary: "the plan itself, such as '{\"steps\": [1, 5, 25]}'"
    )
}

extension Arguments {
    /// The plan that the command is about, out of a policy or by itself, and the seconds until nothing of an earlier share is
    /// under way; nil if neither is given.
    func plan() throws(Stop) -> (plan: ProgressionPlan, settling: Int)? {
        guard let text = self[.planAlone] else { return try planOfPolicy() }
        if has(.policyWithPlan) || has(.rolloutWithPlan) {
            throw unusable("--plan is the whole plan: leave --policy and --rollout out")
        }
        do throws(PolicyError) {
            let plan = try ProgressionPlan(json: text.utf8)
            return (plan, plan.settle)
        } catch {
            throw .unusable("--plan: the plan is invalid\n\(error)")
        }
    }

    private func planOfPolicy() throws(Stop) -> (plan: ProgressionPlan, settling: Int)? {
        guard let path = self[.policyWithPlan] else {
            if has(.rolloutWithPlan) { throw unusable("--rollout has no effect without --policy FILE") }
            return nil
        }
        let plans = try RolloutPolicy(at: path).rollouts.compactMapValues { rollout in
            rollout.progression.map { (plan: $0, settling: $0.settling(beside: rollout.sticky)) }
        }
        let names = plans.keys.sorted().map(\.text)
        if let name = self[.rolloutWithPlan] {
            guard let plan = RolloutID(name).flatMap({ plans[$0] }) else {
                throw .unusable("--rollout: no rollout \(name) with a plan" + suggestion(for: name, among: names))
            }
            return plan
        }
        guard plans.count == 1, let plan = plans.values.first else {
            throw .unusable(
                plans.isEmpty
                    ? "--policy: no rollout of \(path) has \"progression\""
                    : "--rollout ID is missing, and several have a plan: \(alternatives(names))"
            )
        }
        return plan
    }
}
