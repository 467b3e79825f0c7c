extension ProgressionPlan {
    /// Reads and checks a plan that stands alone: what a policy document has behind `"progression":`.
    ///
    /// What depends on the rollout around a plan, its strategy and its cookie, is checked when a policy holds the plan.
    ///
    /// - Throws: `PolicyError` with all problems, each with its path from the plan on, line and column.
    public init(json: some Sequence<UInt8>) throws(PolicyError) {
        let document = try JSONDocument(policyText: Array(json))
        let (plan, read, isRead) = PolicyReader.readPlan(document)
        var problems = read.all
        if isRead {
            var validator = PolicyValidator()
            validator.check(plan, beside: nil, at: JSONPath())
            var locator = PolicyLocator(document)
            problems += validator.problems.all.map { $0.found(at: locator.value(at: $0.place).position) }
        }
        if let error = PolicyError(inTextOrder: problems) { throw error }
        self = plan
    }

    /// The plan as canonical JSON: sorted keys, no spaces, and nothing that equals its default.
    public var json: String { PolicyWriter.tree(of: self).canonicalText }
}
