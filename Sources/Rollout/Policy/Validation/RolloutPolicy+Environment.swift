extension RolloutPolicy {
    /// The policy that environment variables describe: one rollout of component `model`.
    ///
    /// | variable | meaning |
    /// | --- | --- |
    /// | `ROLLOUT_STRATEGY` | `fixed`, `canary`, `ab_test` (control and treatment, 1:1) or `shadow`; required |
    /// | `MODEL_VERSION` | the version of `stable`, `control` or `primary`; required |
    /// | `CANARY_VERSION` | the version of `canary`, `treatment` or `shadow`; required unless the strategy is `fixed` |
    /// | `CANARY_PERCENTAGE` | a multiple of 0.0001 in 0 ... 100; required for `shadow`, default 0 |
    /// | `ENVIRONMENT` | the policy's label; optional |
    /// | `ROLLOUT_ID` | the rollout's id; default `default` |
    ///
    /// A variable that is set is checked even if the strategy makes no use of it.
    ///
    /// - Parameters:
    ///   - variables: The variables by name; others are ignored.
    ///   - revision: The policy's revision.
    /// - Throws: `PolicyError`, each problem's path the name of a variable.
    public init(environment variables: [String: String], revision: UInt32 = 0) throws(PolicyError) {
        var reader = EnvironmentReader(variables)
        let policy = reader.policy(revision: revision)
        guard let policy, reader.rules.problems.all.isEmpty else { throw PolicyError(reader.rules.problems.all) }
        self = policy
    }
}

/// Reads variables, collecting every problem on the way.
private struct EnvironmentReader {
    private let variables: [String: String]
    /// Checks values, and collects the problems.
    private(set) var rules = PolicyValidator()

    init(_ variables: [String: String]) { self.variables = variables }

    mutating func policy(revision: UInt32) -> RolloutPolicy? {
        let id = identifier()
        let environment = label()
        let percentage = percentage()
        let version = release("MODEL_VERSION")
        let canary = release("CANARY_VERSION")
        let kind = kind()
        if version == nil { report(.missing, "MODEL_VERSION", "the variable is not set; every strategy needs it") }
        guard let strategy = kind else { return nil }
        if canary == nil, strategy != .fixed { require("CANARY_VERSION", by: strategy) }
        if percentage == nil, strategy == .shadow { require("CANARY_PERCENTAGE", by: strategy) }
        guard let version, let canary = canary ?? (strategy == .fixed ? version : nil) else { return nil }
        let share = percentage ?? Share.zero
        let definition: RolloutStrategy =
            switch strategy {
            case .fixed: .fixed(version)
            case .canary: .canary(share, stable: version, canary: canary)
            case .shadow: .shadow(share, primary: version, shadow: canary)
            case .abTest:
                .abTest([
                    WeightedVariant("control", weight: 1, release: version),
                    WeightedVariant("treatment", weight: 1, release: canary),
                ])
            }
        return RolloutPolicy(
            revision: revision,
            environment: environment,
            rollouts: [id: RolloutDefinition(definition)]
        )
    }

    private mutating func report(_ code: PolicyProblem.Code, _ name: String, _ message: String) {
        rules.report(code, at: JSONPath([.key(name)]), message)
    }

    private mutating func require(_ name: String, by strategy: RolloutStrategy.Kind) {
        guard variables[name] == nil else { return }
        report(.missing, name, "the variable is not set; strategy \"\(strategy.rawValue)\" needs it")
    }

    private mutating func kind() -> RolloutStrategy.Kind? {
        let words = alternatives(RolloutStrategy.Kind.allCases.map(\.rawValue))
        guard let text = variables["ROLLOUT_STRATEGY"] else {
            report(.missing, "ROLLOUT_STRATEGY", "the variable is not set; expected \(words)")
            return nil
        }
        let kind = RolloutStrategy.Kind(rawValue: text)
        if kind == nil { report(.unknownValue, "ROLLOUT_STRATEGY", "expected \(words), found \(quoted(text))") }
        return kind
    }

    private mutating func identifier() -> RolloutID {
        guard let text = variables["ROLLOUT_ID"] else { return "default" }
        if let id = RolloutID(text) { return id }
        report(.badName, "ROLLOUT_ID", "expected \(policyNameForm), found \(quoted(text))")
        return "default"
    }

    private mutating func label() -> String? {
        guard let text = variables["ENVIRONMENT"] else { return nil }
        rules.check(text: text, at: "ENVIRONMENT")
        return text
    }

    private mutating func release(_ name: String) -> Release? {
        guard let version = variables[name] else { return nil }
        rules.check(version: version, at: JSONPath([.key(name)]))
        return [.model: version]
    }

    private mutating func percentage() -> Share? {
        let name = "CANARY_PERCENTAGE"
        guard let text = variables[name] else { return nil }
        if let share = Share(percentText: text) { return share }
        report(.outOfRange, name, "expected a percentage in 0 ... 100, a multiple of 0.0001, found \(quoted(text))")
        return Share.zero
    }
}
