extension RolloutPolicy {
    /// The policy of a JSON document.
    ///
    /// The reader is strict: unknown and duplicate keys, numbers that lose a digit and texts beyond the limits are refused.
    ///
    /// - Parameter bytes: The document in UTF-8, at most 16 MiB.
    /// - Throws: `PolicyError` with every problem, each with its line and column. A text that is no JSON has one.
    public init(json bytes: some Sequence<UInt8>) throws(PolicyError) {
        self = try Self.valid(Array(bytes.prefix(PolicyLimits.documentBytes + 1)))
    }

    /// The policy of a JSON document held as text.
    ///
    /// - Parameter text: The document, at most 16 MiB.
    /// - Throws: `PolicyError` with every problem, each with its line and column.
    public init(json text: String) throws(PolicyError) {
        self = try Self.valid(Array(text.utf8))
    }

    private static func valid(_ bytes: [UInt8]) throws(PolicyError) -> RolloutPolicy {
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
        let (policy, reader) = PolicyReader.read(document)
        let problems = reader.problems.map(\.problem) + judge(policy, of: document, read: reader)
        guard problems.isEmpty else {
            throw PolicyError(problems.sorted { ($0.line ?? 0, $0.column ?? 0) < ($1.line ?? 0, $1.column ?? 0) })
        }
        return policy
    }

    /// The rules that the policy breaks, but for those it breaks only because something in it could not be read.
    private static func judge(
        _ policy: RolloutPolicy,
        of document: JSONDocument,
        read reader: PolicyReader
    ) -> [PolicyProblem] {
        if reader.budget.isExceeded { return [] }
        var partlyRead: Set<JSONPath> = []
        for problem in reader.problems {
            for length in 0...problem.path.elements.count {
                partlyRead.insert(JSONPath(Array(problem.path.elements.prefix(length))))
            }
        }
        var locator = PolicyLocator(document)
        return policy.problems(unreadStrategies: reader.unreadStrategies)
            .filter { !isDoubtful($0, partlyRead) }
            .map { violation in
                let position = locator.value(at: violation.path).position
                return PolicyProblem(violation.code, at: violation.path.description, position, violation.message)
            }
    }

    /// Whether a rule may seem broken only because a part of some release could not be read.
    private static func isDoubtful(_ violation: Violation, _ partlyRead: Set<JSONPath>) -> Bool {
        let rollout = JSONPath(Array(violation.path.elements.prefix(2)))
        return switch violation.code {
        case .emptyRelease: partlyRead.contains(violation.path)
        case .incompatibleRelease:
            partlyRead.contains(violation.path) || partlyRead.contains(rollout.appending("compatible"))
        default: false
        }
    }
}
