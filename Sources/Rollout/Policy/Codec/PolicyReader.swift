/// Reads a policy from a JSON document, collecting every problem on the way.
///
/// A value that cannot be read is reported and replaced by a harmless one, so that the rest is still judged; where a
/// strategy cannot be read, nothing is judged that depends on its variants.
struct PolicyReader {
    private let document: JSONDocument
    private(set) var problems: [(problem: PolicyProblem, path: JSONPath)] = []
    /// The rollouts whose strategy could not be read, and has another standing in for it.
    private(set) var unreadStrategies: Set<RolloutID> = []

    /// How many more problems are listed; where it is exceeded, the policy is no longer judged.
    private(set) var budget = ProblemBudget()

    private init(document: JSONDocument) { self.document = document }

    /// Reads what the document holds; ``problems`` and ``unreadStrategies`` say how much of it that is.
    static func read(_ document: JSONDocument) -> (policy: RolloutPolicy, reader: PolicyReader) {
        var reader = PolicyReader(document: document)
        for value in document.duplicates {
            if reader.budget.isExceeded { break }
            let key = quoted(value.key ?? "")
            reader.report(.duplicateKey, at: value, "\(key) stands in this object before", atKey: true)
        }
        let policy = reader.policy()
        return (policy, reader)
    }

    mutating func report(
        _ code: PolicyProblem.Code,
        at value: JSONValue,
        _ message: @autoclosure () -> String,
        atKey: Bool = false
    ) {
        switch budget.verdict() {
        case .ignore: return
        case .listNoMore:
            let problem = PolicyProblem(.tooMany, at: "", document.root.position, ProblemBudget.message)
            problems.append((problem, JSONPath()))
        case .list:
            let position = atKey ? value.keyPosition ?? value.position : value.position
            let (path, message) = (value.path, message())
            problems.append((PolicyProblem(code, at: path.description, position, message), path))
            budget.spend(on: path, message)
        }
    }

    private mutating func policy() -> RolloutPolicy {
        var policy = RolloutPolicy(revision: 0, rollouts: [:])
        guard checkObject(document.root, keys: ["schema", "revision", "environment", "rollouts"]) else { return policy }
        if let schema = required("schema", of: document.root), schema.integer(as: Int.self) != 1 {
            report(.unsupportedSchema, at: schema, "expected 1, found \(schema.excerpt)")
        }
        if let revision = required("revision", of: document.root) {
            policy.revision = UInt32(integer(revision, in: 0...Int(UInt32.max)) ?? 0)
        }
        if let environment = document.root["environment"] { policy.environment = text(environment) }
        guard let rollouts = required("rollouts", of: document.root), checkKind(rollouts, .object) else {
            return policy
        }
        for (key, value) in rollouts.members {
            if budget.isExceeded { break }
            guard let id: RolloutID = name(key, at: value) else { continue }
            let (definition, isStrategyRead) = rollout(value)
            // Of two with one key the first is judged, which is the one that positions are found for.
            guard policy.rollouts[id] == nil else { continue }
            policy.rollouts[id] = definition
            if !isStrategyRead { unreadStrategies.insert(id) }
        }
        return policy
    }
}

extension PolicyProblem {
    init(_ error: JSONError) {
        let code: Code =
            switch error.code {
            case .tooLarge: .tooLarge
            case .tooDeep: .tooDeep
            default: .syntax
            }
        self.init(code, at: "", error.position, error.message)
    }
}
