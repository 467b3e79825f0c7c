import Foundation

@testable import Rollout

/// A validator for the part of JSON Schema (draft 2020-12) that the policy's schema uses. An unknown keyword traps, so that
/// the schema cannot say something that nobody checks.
struct JSONSchema {
    private let root: JSONValue

    init(_ text: String) throws { root = try JSONDocument(parsing: Array(text.utf8)).root }

    /// What the schema refuses in the text, as paths with the keyword; empty if it accepts the text.
    func refusals(of text: String) throws -> [String] {
        try refusals(of: JSONDocument(parsing: Array(text.utf8)).root, by: root)
    }

    private func refusals(of value: JSONValue, by schema: JSONValue) throws -> [String] {
        try schema.members.flatMap { keyword, rule -> [String] in
            if let isMet = try isMet(keyword, rule, by: value, in: schema) {
                return isMet ? [] : ["\(value.path): \(keyword)"]
            }
            return try nested(keyword, rule, of: value, in: schema)
        }
    }

    /// Whether a keyword that judges the value itself is met; nil for other keywords.
    private func isMet(_ keyword: String, _ rule: JSONValue, by value: JSONValue, in schema: JSONValue) throws -> Bool?
    {
        switch keyword {
        case "type": value.kind == kind(rule) && (rule.string != "integer" || value.decimal(scale: 0) != nil)
        case "const": equals(rule, value)
        case "enum": rule.elements.contains { equals($0, value) }
        case "required": value.kind != .object || rule.elements.allSatisfy { value[$0.string ?? ""] != nil }
        case "minimum": value.kind != .number || number(value) >= number(rule)
        case "maximum": value.kind != .number || number(value) <= number(rule)
        case "exclusiveMinimum": value.kind != .number || number(value) > number(rule)
        case "exclusiveMaximum": value.kind != .number || number(value) < number(rule)
        case "minLength": value.string.map { $0.unicodeScalars.count >= integer(rule) } ?? true
        case "maxLength": value.string.map { $0.unicodeScalars.count <= integer(rule) } ?? true
        case "minItems": value.kind != .array || value.count >= integer(rule)
        case "maxItems": value.kind != .array || value.count <= integer(rule)
        case "minProperties": value.kind != .object || value.count >= integer(rule)
        case "maxProperties": value.kind != .object || value.count <= integer(rule)
        case "uniqueItems": Set(value.elements.map(\.excerpt)).count == value.elements.map(\.excerpt).count
        case "pattern": try value.string.map { try matches($0, rule.string ?? "") } ?? true
        case "oneOf": try rule.elements.count { try refusals(of: value, by: $0).isEmpty } == 1
        case "not": try !refusals(of: value, by: rule).isEmpty
        case "anyOf": try rule.elements.contains { try refusals(of: value, by: $0).isEmpty }
        default: nil
        }
    }

    /// What a keyword that judges parts of the value refuses.
    private func nested(_ keyword: String, _ rule: JSONValue, of value: JSONValue, in schema: JSONValue) throws
        -> [String]
    {
        switch keyword {
        case "$ref":
            guard let name = rule.string?.split(separator: "/").last, let definition = root["$defs"]?[String(name)]
            else {
                fatalError("no definition for \(rule.excerpt)")
            }
            return try refusals(of: value, by: definition)
        case "properties":
            return try value.members.flatMap { key, member in
                try rule[key].map { try refusals(of: member, by: $0) } ?? []
            }
        case "additionalProperties":
            let others = value.members.filter { schema["properties"]?[$0.key] == nil }
            if rule.boolean == false { return others.map { "\($0.value.path): \(keyword)" } }
            return try others.flatMap { try refusals(of: $0.value, by: rule) }
        case "propertyNames":
            return try value.members.flatMap { key, member in
                let name = try JSONDocument(parsing: JSONTree.string(key).canonicalBytes).root
                return try refusals(of: name, by: rule).map { _ in "\(member.path): \(keyword)" }
            }
        case "allOf": return try rule.elements.flatMap { try refusals(of: value, by: $0) }
        case "if":
            guard try refusals(of: value, by: rule).isEmpty, let then = schema["then"] else { return [] }
            return try refusals(of: value, by: then)
        case "items": return try value.elements.flatMap { try refusals(of: $0, by: rule) }
        case "prefixItems":
            return try zip(value.elements, rule.elements).flatMap { try refusals(of: $0, by: $1) }
        case "$schema", "$id", "title", "description", "$defs", "then": return []
        default: fatalError("the schema uses a keyword that this validator does not know: \(keyword)")
        }
    }

    private func kind(_ rule: JSONValue) -> JSONValue.Kind {
        switch rule.string {
        case "object": .object
        case "array": .array
        case "string": .string
        case "number", "integer": .number
        case "boolean": .boolean
        case "null": .null
        default: fatalError("unknown type \(rule.excerpt)")
        }
    }

    private func equals(_ left: JSONValue, _ right: JSONValue) -> Bool {
        if let number = left.decimal(scale: 4) { return number == right.decimal(scale: 4) }
        if let boolean = left.boolean { return boolean == right.boolean }
        return left.string.map { $0.utf8.elementsEqual(right.string?.utf8 ?? "".utf8) && right.kind == .string }
            ?? false
    }

    private func number(_ value: JSONValue) -> Decimal { Decimal(string: value.numberText ?? "") ?? .nan }

    private func integer(_ value: JSONValue) -> Int { value.integer(as: Int.self) ?? 0 }

    private func matches(_ text: String, _ pattern: String) throws -> Bool {
        let end = pattern.hasSuffix("$") ? pattern.dropLast() + "\\z" : pattern[...]
        let expression = try NSRegularExpression(pattern: String(end))
        return expression.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil
    }
}
