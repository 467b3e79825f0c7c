import Rollout

/// A number of things: `1 line`, `2,000 lines`.
func counted(_ count: Int, _ noun: String) -> String { "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")" }

/// A part of a whole in percent with two decimals, rounded half up: `9.87 %`. A part of nothing is a dash.
func percent(_ part: Int, of whole: Int) -> String {
    guard whole > 0 else { return "-" }
    let hundredths = (Double(part) / Double(whole) * 10_000 + 0.5)
    return fixed(Int(hundredths), decimals: 2) + " %"
}

/// An integer divided by 10^decimals: `fixed(987, decimals: 2)` is `9.87`.
func fixed(_ number: Int, decimals: Int) -> String {
    var digits = String(number.magnitude)
    while digits.utf8.count <= decimals { digits = "0" + digits }
    let text = digits.dropLast(decimals) + "." + digits.suffix(decimals)
    return (number < 0 ? "-" : "") + text
}

/// A share as a bar of block characters, in eighths of a character.
func bar(_ part: Int, of whole: Int, width: Int = 24) -> String {
    guard whole > 0 else { return "" }
    let eighths = Int(Double(part) / Double(whole) * Double(width * 8) + 0.5)
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    return String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
}

/// A text in quotation marks, always on one line.
func quoted(_ text: String) -> String { JSONTree.string(text).canonicalText }

/// A JSON value on several lines, for a person. Values nested deeper than the depth stay on one line.
func indented(_ value: JSONValue, depth: Int, indent: String = "") -> String {
    let inner = indent + "  "
    switch value.kind {
    case .object where depth > 0 && value.count > 0:
        let members = value.members.map { key, value in
            inner + JSONTree.string(key).canonicalText + ": " + indented(value, depth: depth - 1, indent: inner)
        }
        return "{\n" + members.joined(separator: ",\n") + "\n\(indent)}"
    case .array where depth > 0 && value.count > 0:
        let elements = value.elements.map { inner + indented($0, depth: depth - 1, indent: inner) }
        return "[\n" + elements.joined(separator: ",\n") + "\n\(indent)]"
    case .object:
        let members = value.members.map { key, value in
            JSONTree.string(key).canonicalText + ": " + indented(value, depth: 0)
        }
        return "{" + members.joined(separator: ", ") + "}"
    case .array:
        return "[" + value.elements.map { indented($0, depth: 0) }.joined(separator: ", ") + "]"
    case .string: return JSONTree.string(value.string ?? "").canonicalText
    case .number: return value.numberText ?? ""
    case .boolean: return value.boolean == true ? "true" : "false"
    case .null: return "null"
    }
}
