import Rollout

/// A JSON value over several lines, for people: what is nested deeper than the depth stays on one line.
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
