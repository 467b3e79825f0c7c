extension RolloutPolicy {
    /// The policy of a JSON document.
    ///
    /// The reader is strict: unknown and duplicate keys, numbers that lose a digit and texts beyond the limits are refused.
    ///
    /// - Parameter bytes: The document in UTF-8, at most 16 MiB.
    /// - Throws: `PolicyError` with every problem, each with its line and column. A text that is no JSON has one.
    public init(json bytes: some Sequence<UInt8>) throws(PolicyError) {
        let most = PolicyLimits.documentBytes + 1
        // Copied as a block if the bytes lie in one. One by one, each costs a caller in another module 10 ns.
        let block = bytes.withContiguousStorageIfAvailable { bytes in
            unsafe Array(UnsafeBufferPointer(rebasing: bytes.prefix(most)))
        }
        self = try Self.valid(block ?? Array(bytes.prefix(most)))
    }

    /// The policy of a JSON document held as text.
    ///
    /// - Parameter text: The document, at most 16 MiB.
    /// - Throws: `PolicyError` with every problem, each with its line and column.
    public init(json text: String) throws(PolicyError) {
        self = try Self.valid(Array(text.utf8))
    }

    /// The policy of a document whose rollouts may have so many variants.
    init(json bytes: [UInt8], variants limit: Int) throws(PolicyError) { self = try Self.valid(bytes, variants: limit) }

    private static func valid(
        _ bytes: [UInt8],
        variants limit: Int = PolicyLimits.variants
    ) throws(PolicyError) -> RolloutPolicy {
        let document = try JSONDocument(policyText: bytes)
        let (policy, reader) = PolicyReader.read(document)
        if let error = PolicyError(
            inTextOrder: reader.problems.all + judge(policy, of: document, read: reader, variants: limit)
        ) {
            throw error
        }
        return policy
    }

    /// The rules that the policy breaks, but not those that it breaks only because something in it could not be read.
    private static func judge(
        _ policy: RolloutPolicy,
        of document: JSONDocument,
        read reader: PolicyReader,
        variants limit: Int
    ) -> [PolicyProblem] {
        if reader.problems.isFull { return [] }
        var partlyRead: Set<JSONPath> = []
        for problem in reader.problems.all {
            for length in 0...problem.place.elements.count {
                partlyRead.insert(JSONPath(Array(problem.place.elements.prefix(length))))
            }
        }
        var locator = PolicyLocator(document)
        return policy.problems(unread: reader.unread, variants: limit).all
            .filter { !isDoubtful($0, partlyRead) }
            .map { $0.found(at: locator.value(at: $0.place).position) }
    }

    /// Whether a rule may seem broken only because a part of some release could not be read.
    private static func isDoubtful(_ problem: PolicyProblem, _ partlyRead: Set<JSONPath>) -> Bool {
        let rollout = JSONPath(Array(problem.place.elements.prefix(2)))
        return switch problem.code {
        case .emptyRelease: partlyRead.contains(problem.place)
        case .incompatibleRelease:
            partlyRead.contains(problem.place) || partlyRead.contains(rollout.appending("compatible"))
        default: false
        }
    }
}

extension JSONDocument {
    /// Reads a text that may be as long and as deep as a policy.
    init(policyText bytes: [UInt8]) throws(PolicyError) {
        do throws(JSONError) {
            self = try JSONDocument(
                parsing: bytes,
                maximumBytes: PolicyLimits.documentBytes,
                maximumDepth: PolicyLimits.depth
            )
        } catch {
            throw PolicyError(PolicyProblem(error))
        }
    }
}

extension PolicyError {
    /// The error of problems that were found in a text, or nil if there are none.
    init?(inTextOrder problems: [PolicyProblem]) {
        guard !problems.isEmpty else { return nil }
        self.init(problems.sorted { ($0.line ?? 0, $0.column ?? 0) < ($1.line ?? 0, $1.column ?? 0) })
    }
}

/// Finds the value in a document that a path names. Linear in the document, however many paths are asked for.
struct PolicyLocator {
    private let document: JSONDocument
    private var elements: [Int: [JSONValue]] = [:]
    private var hosts: [Int: [ExactText: JSONValue]] = [:]

    init(_ document: JSONDocument) { self.document = document }

    /// The value at that path, or the nearest ancestor there is.
    mutating func value(at path: JSONPath) -> JSONValue {
        var value = document.root
        for element in path.elements {
            guard let child = child(element, of: value) else { break }
            value = child
        }
        return value
    }

    private mutating func child(_ element: JSONPath.Element, of value: JSONValue) -> JSONValue? {
        switch element {
        case .index(let index):
            let children = elements[value.index] ?? Array(value.elements)
            elements[value.index] = children
            return children.indices.contains(index) ? children[index] : nil
        case .key(let key):
            return value[key] ?? host(key, of: value)
        }
    }

    /// A host is in the document as it was written, and normalised in the policy.
    private mutating func host(_ name: String, of value: JSONValue) -> JSONValue? {
        guard value.key == "hosts" else { return nil }
        let members =
            hosts[value.index]
            ?? Dictionary(value.members.map { (ExactText(text: HostName($0.key).text), $0.value) }) { first, _ in first
            }
        hosts[value.index] = members
        return members[ExactText(text: name)]
    }
}
