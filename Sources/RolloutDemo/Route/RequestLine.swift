import Rollout

/// One request, read from a line of JSON.
struct RequestLine {
    /// What is bucketed, as it came.
    enum Unit {
        case text(String)
        /// An integer, in the digits it was written with.
        case number(String)
    }

    let unit: Unit?
    let rollout: String?
    let host: String?
    /// The value of the Cookie header.
    let cookies: String?

    /// Why a line is no request, with what was expected.
    struct Problem: Error {
        let message: String
    }

    private static let keys = ["unit", "rollout", "host", "cookies"]

    init(_ line: [UInt8]) throws(Problem) {
        let document: JSONDocument
        do throws(JSONError) {
            // The reader needs no stack for nested values, and a line cannot be deeper than it is long.
            document = try JSONDocument(parsing: line, maximumDepth: .max)
        } catch {
            throw Problem(message: "\(error.message) (byte \(error.offset + 1))")
        }
        let request = document.root
        guard request.kind == .object else {
            throw Problem(message: "expected an object such as {\"unit\": \"alice\"}, found \(request.excerpt)")
        }
        for value in document.duplicates where value.path.elements.count == 1 {
            guard let key = value.key, Self.keys.contains(where: { $0.utf8.elementsEqual(key.utf8) }) else { continue }
            throw Problem(message: "expected each key once, found \"\(key)\" twice")
        }
        unit = try Self.unit(request["unit"])
        rollout = try Self.text("rollout", of: request)
        host = try Self.text("host", of: request)
        cookies = try Self.text("cookies", of: request)
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
    /// The text that is hashed. An integer is its decimal text, and JSON writes but one integer in two ways.
    var text: String {
        switch self {
        case .text(let text): text
        case .number(let digits): digits.utf8.elementsEqual("-0".utf8) ? "0" : digits
        }
    }
}
