/// Reads a policy from a JSON document, collecting every problem on the way.
///
/// A value that cannot be read is reported and replaced by a harmless one, so that the rest is still judged; a rollout
/// whose strategy cannot be read is left out.
struct PolicyReader {
    private let document: JSONDocument
    private(set) var problems: [(problem: PolicyProblem, path: JSONPath)] = []
    private var unreadable: Set<RolloutID> = []

    private init(_ document: JSONDocument) { self.document = document }

    /// The valid policy that the text holds.
    static func read(_ bytes: [UInt8]) throws(PolicyError) -> RolloutPolicy {
        let document: JSONDocument
        do {
            document = try JSONDocument(
                parsing: bytes,
                maximumBytes: PolicyLimits.documentBytes,
                maximumDepth: PolicyLimits.depth
            )
        } catch {
            throw PolicyError(PolicyProblem(error))
        }
        var reader = PolicyReader(document)
        for value in document.duplicates {
            reader.report(.duplicateKey, at: value, "\"\(value.key ?? "")\" stands in this object before", atKey: true)
        }
        let policy = reader.policy()
        reader.judge(policy)
        guard reader.problems.isEmpty else { throw PolicyError(reader.sortedProblems) }
        return policy
    }

    mutating func report(_ code: PolicyProblem.Code, at value: JSONValue, _ message: String, atKey: Bool = false) {
        let position = atKey ? value.keyPosition ?? value.position : value.position
        let path = value.path
        problems.append((PolicyProblem(code, at: path.description, position, message), path))
    }

    // MARK: Parts

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
            guard let id: RolloutID = name(key, at: value) else { continue }
            if let definition = rollout(value) {
                policy.rollouts[id] = definition
            } else {
                unreadable.insert(id)
            }
        }
        return policy
    }

    /// Adds the rules that the policy breaks, but for what is wrong only because something in it could not be read.
    private mutating func judge(_ policy: RolloutPolicy) {
        var partlyRead: Set<JSONPath> = []
        for problem in problems {
            for length in 0...problem.path.elements.count {
                partlyRead.insert(JSONPath(Array(problem.path.elements.prefix(length))))
            }
        }
        var locator = PolicyLocator(document)
        for violation in policy.problems(skipping: unreadable) where !partlyRead.contains(violation.path) {
            let position = locator.value(at: violation.path).position
            let problem = PolicyProblem(violation.code, at: violation.path.description, position, violation.message)
            problems.append((problem, violation.path))
        }
    }

    private var sortedProblems: [PolicyProblem] {
        problems.map(\.problem).sorted { ($0.line ?? 0, $0.column ?? 0) < ($1.line ?? 0, $1.column ?? 0) }
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
