extension UpdateRecord {
    /// The record as canonical JSON on one line, for logs and stores. ``init(json:)`` and any JSON decoder read it back.
    ///
    /// An object with all its keys; a value that is missing is null. `policy` is the JSON of the policy as a text, and
    /// `restored` what a rollback restored: an object of `rollout` (null for all) and `revision`.
    public var json: String { tree.canonicalText }

    /// ``json`` with `policy` null, for a store that has the policy beside it and joins the two by ``completed(by:)``.
    public var jsonWithoutPolicy: String {
        var record = self
        record.policy = nil
        return record.json
    }

    private var tree: JSONTree {
        func text(_ value: String?) -> JSONTree { value.map { .string($0) } ?? .null }
        func integer(_ value: UInt32?) -> JSONTree { value.map { .integer(Int($0)) } ?? .null }
        let error = error.map { error in
            JSONTree.object([("code", .string(error.code.description)), ("message", .string(error.message))])
        }
        let restored = restored.map { restored in
            JSONTree.object([("rollout", text(restored.id?.text)), ("revision", integer(restored.revision))])
        }
        return .object([
            ("process", .string(process)),
            ("number", .integer(number)),
            ("revision", integer(revision)),
            ("running", integer(running)),
            ("author", text(author)),
            ("reason", text(reason)),
            ("time", .integer(Int(time.seconds))),
            ("gates", .array(gates.map { .string($0) })),
            ("outcome", .string(outcome.description)),
            ("error", error ?? .null),
            ("policy", text(policy?.json)),
            ("restored", restored ?? .null),
            ("oldDigest", text(oldDigest)),
            ("newDigest", text(newDigest)),
        ])
    }
}

extension UpdateRecord: Codable {
    private struct Text: Codable {
        let code: String
        let message: String
    }

    private struct Restored: Codable {
        let rollout: RolloutID?
        let revision: UInt32?
    }

    private enum Key: String, CodingKey {
        case process, number, revision, running, author, reason, time, gates, outcome, error, policy, restored
        case oldDigest, newDigest
    }

    /// Encodes the record with the keys and values that ``json`` has.
    public func encode(to encoder: any Encoder) throws { try tree.encode(to: encoder) }

    /// Decodes a record from an object with the keys and values that ``json`` has. The error behind the error is not kept.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        func digest(_ key: Key) throws -> PolicyDigest? {
            try values.decodeIfPresent(String.self, forKey: key).map(PolicyDigest.init(text:))
        }
        let process = try values.decode(String.self, forKey: .process)
        guard let processID = UInt64(process, radix: 16) else {
            throw DecodingError.dataCorruptedError(
                forKey: .process,
                in: values,
                debugDescription: "expected hexadecimal digits, found \(quoted(process))"
            )
        }
        let error = try values.decodeIfPresent(Text.self, forKey: .error)
        let restored = try values.decodeIfPresent(Restored.self, forKey: .restored)
        try self.init(
            processID: processID,
            number: values.decode(Int.self, forKey: .number),
            revision: values.decodeIfPresent(UInt32.self, forKey: .revision),
            running: values.decode(UInt32.self, forKey: .running),
            author: values.decodeIfPresent(String.self, forKey: .author),
            reason: values.decodeIfPresent(String.self, forKey: .reason),
            time: values.decode(UnixTime.self, forKey: .time),
            gates: values.decode([String].self, forKey: .gates),
            outcome: Outcome(values.decode(String.self, forKey: .outcome)),
            error: error.map { UpdateError(UpdateError.Code($0.code), $0.message) },
            policy: values.decodeIfPresent(String.self, forKey: .policy).map(RolloutPolicy.init(json:)),
            restored: restored.map { Restoration(id: $0.rollout, revision: $0.revision) },
            old: digest(.oldDigest),
            new: digest(.newDigest)
        )
    }
}

extension UpdateRecord {
    /// Reads a record that ``json`` wrote.
    ///
    /// - Parameter bytes: One JSON object in UTF-8, of up to 64 MiB.
    /// - Throws: `PolicyError` with what is wrong, and where.
    public init(json bytes: [UInt8]) throws(PolicyError) { try self.init(json: bytes, line: 1) }

    /// The records in JSON Lines, as recorders wrote them: what a process that starts anew has to remember.
    ///
    /// A line that cannot be read is passed over, because a process that is killed may leave one. It is named among the
    /// problems. Empty lines are none.
    ///
    /// - Parameter bytes: The lines in UTF-8.
    /// - Returns: The records in their order, and what is wrong with the other lines.
    public static func records(inLines bytes: [UInt8]) -> (records: [UpdateRecord], problems: [PolicyProblem]) {
        var (records, problems): ([UpdateRecord], [PolicyProblem]) = ([], [])
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty {
            do throws(PolicyError) {
                records.append(try UpdateRecord(json: Array(line), line: index + 1))
            } catch {
                problems += error.problems
            }
        }
        return (records, problems)
    }

    /// Reads a record from a line of a text.
    private init(json bytes: [UInt8], line: Int) throws(PolicyError) {
        let root: JSONValue
        do throws(JSONError) {
            root = try JSONDocument(parsing: bytes, maximumBytes: 64 << 20).root
        } catch {
            let position = JSONPosition(line: line, column: error.position.column)
            throw PolicyError(PolicyProblem(error).found(at: position))
        }
        let reader = RecordReader(root: root, line: line)
        let error = try reader.object("error")
        let restored = try reader.object("restored")
        self.init(
            processID: try reader.require("process", reader.hexadecimal),
            number: try reader.require("number", reader.integer),
            revision: try reader.integer("revision"),
            running: try reader.require("running", reader.integer),
            author: try reader.text("author"),
            reason: try reader.text("reason"),
            time: UnixTime(seconds: try reader.require("time", reader.integer)),
            gates: try reader.texts("gates"),
            outcome: Outcome(try reader.require("outcome", reader.text)),
            error: try error.map { error throws(PolicyError) in
                UpdateError(
                    UpdateError.Code(try error.require("code", error.text)),
                    try error.require("message", error.text)
                )
            },
            policy: try reader.policy("policy"),
            restored: try restored.map { restored throws(PolicyError) in
                Restoration(
                    id: try restored.id("rollout"),
                    revision: try restored.integer("revision")
                )
            },
            old: try reader.text("oldDigest").map(PolicyDigest.init(text:)),
            new: try reader.text("newDigest").map(PolicyDigest.init(text:))
        )
    }
}

/// Reads the members of a record's object. A member that is null counts as missing.
private struct RecordReader {
    let root: JSONValue
    let line: Int

    func text(_ key: String) throws(PolicyError) -> String? { try value(key, "a string", \.string) }

    func integer<Integer: FixedWidthInteger>(_ key: String) throws(PolicyError) -> Integer? {
        try value(key, "an integer from \(Integer.min) to \(Integer.max)") { $0.integer(as: Integer.self) }
    }

    func id(_ key: String) throws(PolicyError) -> RolloutID? {
        try value(key, "the id of a rollout") { $0.string.flatMap { RolloutID($0) } }
    }

    func hexadecimal(_ key: String) throws(PolicyError) -> UInt64? {
        try value(key, "hexadecimal digits") { $0.string.flatMap { UInt64($0, radix: 16) } }
    }

    func object(_ key: String) throws(PolicyError) -> RecordReader? {
        try value(key, "an object") { $0.kind == .object ? RecordReader(root: $0, line: line) : nil }
    }

    /// A policy in a text. Its problems are those of the line, because the text has no lines that anybody sees.
    func policy(_ key: String) throws(PolicyError) -> RolloutPolicy? {
        guard let text = try text(key) else { return nil }
        do throws(PolicyError) {
            return try RolloutPolicy(json: text)
        } catch {
            throw PolicyError(error.problems.map { $0.found(at: JSONPosition(line: line, column: 1)) })
        }
    }

    func texts(_ key: String) throws(PolicyError) -> [String] {
        let texts = try value(key, "a list of strings") { value -> [String]? in
            let texts = value.elements.compactMap(\.string)
            return value.kind == .array && texts.count == value.count ? texts : nil
        }
        return texts ?? []
    }

    func require<Value>(
        _ key: String,
        _ read: (String) throws(PolicyError) -> Value?
    ) throws(PolicyError) -> Value {
        if let value = try read(key) { return value }
        throw PolicyError(problem(.missing, key, root, "expected a record, which has this member"))
    }

    private func value<Value>(
        _ key: String,
        _ expected: String,
        _ read: (JSONValue) -> Value?
    ) throws(PolicyError) -> Value? {
        guard root.kind == .object else {
            throw PolicyError(problem(.wrongType, "", root, "expected a record, which is an object"))
        }
        guard let member = root.members.first(where: { $0.key == key })?.value, !member.isNull else { return nil }
        if let value = read(member) { return value }
        throw PolicyError(problem(.wrongType, key, member, "expected \(expected)"))
    }

    private func problem(_ code: PolicyProblem.Code, _ key: String, _ value: JSONValue, _ message: String)
        -> PolicyProblem
    {
        let place = key.isEmpty ? value.path : root.path.appending(key)
        let position = JSONPosition(line: line, column: value.position.column)
        return PolicyProblem(code, at: place, position: position, message)
    }
}
