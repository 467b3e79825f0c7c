import Rollout

/// One request, read from a line of JSON.
struct RequestLine {
    /// What is bucketed, as the line has it.
    enum Unit {
        case text(String)
        /// An integer, in the digits of the line.
        case number(String)
    }

    let unit: Unit?
    let rollout: String?
    let host: String?
    /// The value of the Cookie header.
    let cookies: String?

    /// Why a line is not a request, and what was expected.
    struct Problem: Error {
        let message: String
    }

    private static let keys = ["unit", "rollout", "host", "cookies"]

    init(_ line: [UInt8]) throws(Problem) { try self.init(Self.document(line, keys: Self.keys)) }

    /// The part of a line that says who was decided upon.
    init(_ request: JSONValue) throws(Problem) {
        unit = try Self.unit(request["unit"])
        rollout = try Self.text("rollout", of: request)
        host = try Self.text("host", of: request)
        cookies = try Self.text("cookies", of: request)
    }

    /// The object of a line, in which each of these keys stands once at most.
    static func document(_ line: [UInt8], keys: [String]) throws(Problem) -> JSONValue {
        let document: JSONDocument
        do throws(JSONError) {
            // No limit is needed: the reader uses no stack for nested values, and a line cannot be deeper than it is
            // long.
            document = try JSONDocument(parsing: line, maximumDepth: .max)
        } catch {
            throw Problem(message: "\(error.message) (byte \(error.offset + 1))")
        }
        let request = document.root
        guard request.kind == .object else {
            throw Problem(message: "expected an object such as {\"unit\": \"alice\"}, found \(request.excerpt)")
        }
        for value in document.duplicates where value.path.elements.count == 1 {
            guard let key = value.key, keys.contains(where: { $0.utf8.elementsEqual(key.utf8) }) else { continue }
            throw Problem(message: "expected each key once, found \"\(key)\" twice")
        }
        return request
    }

    private static func unit(_ value: JSONValue?) throws(Problem) -> Unit? {
        guard let value, !value.isNull else { return nil }
        if let text = value.string { return text.isEmpty ? nil : .text(text) }
        if value.integer(as: Int64.self) != nil || value.integer(as: UInt64.self) != nil, let digits = value.numberText
        {
            return .number(digits)
        }
        throw Problem(
            message: "expected \"unit\" to be a string or an integer in -2^63 ... 2^64-1, found \(value.excerpt)"
        )
    }

    private static func text(_ key: String, of request: JSONValue) throws(Problem) -> String? {
        guard let value = request[key], !value.isNull else { return nil }
        guard let text = value.string else {
            throw Problem(message: "expected \"\(key)\" to be a string, found \(value.excerpt)")
        }
        return text
    }
}

extension RequestLine.Unit {
    /// The text that is hashed. An integer is its decimal text; 0 is the only one that JSON can write in two ways.
    var text: String {
        switch self {
        case .text(let text): text
        case .number(let digits): digits.utf8.elementsEqual("-0".utf8) ? "0" : digits
        }
    }
}

/// Writes decisions as lines of JSON. Each line has all keys, always in the same order.
struct DecisionLine {
    private(set) var writer = JSONWriter(capacity: 1 << 17)
    /// The components of each release so far, sorted by name, so that each release is sorted once.
    private var releases: [Decision.Variant: [(component: String, version: String)]] = [:]

    var isFull: Bool { writer.bytes.count >= 1 << 16 }

    mutating func flush(to output: inout Output) throws(Stop) { try output.flush(&writer) }

    mutating func append(
        _ decision: Decision,
        setCookie: String?,
        line: Int,
        for unit: RequestLine.Unit?,
        in rollout: RolloutID
    ) {
        writer.beginObject()
        writer.key("line")
        writer.integer(line)
        writer.key("rollout")
        writer.string(rollout.text)
        writer.key("unit")
        switch unit {
        case .text(let text): writer.string(text)
        case .number(let digits): writer.number(digits)
        case nil: writer.null()
        }
        append(decision.variant)
        writer.key("reason")
        writer.string(decision.reason.description)
        writer.key("bucket")
        if let bucket = decision.bucket { writer.integer(bucket) } else { writer.null() }
        writer.key("revision")
        writer.integer(Int(decision.revision))
        writer.key("shadow")
        if let shadow = decision.shadow {
            writer.beginObject()
            append(shadow)
            writer.endObject()
        } else {
            writer.null()
        }
        writer.key("setCookie")
        if let setCookie { writer.string(setCookie) } else { writer.null() }
        writer.endObject()
        writer.endLine()
    }

    private mutating func append(_ variant: Decision.Variant) {
        writer.key("variant")
        writer.string(variant.name.text)
        writer.key("release")
        writer.beginObject()
        for (component, version) in release(of: variant) {
            writer.key(component)
            writer.string(version)
        }
        writer.endObject()
    }

    private mutating func release(of variant: Decision.Variant) -> [(component: String, version: String)] {
        if let known = releases[variant] { return known }
        let release = variant.release.versions.sorted { $0.key < $1.key }.map { ($0.key.text, $0.value) }
        releases[variant] = release
        return release
    }
}
