/// Finds the place in a document that a path speaks of; linear in the document, however many paths are asked for.
struct PolicyLocator {
    private let document: JSONDocument
    private var elements: [Int: [JSONValue]] = [:]
    private var hosts: [Int: [HostName: JSONValue]] = [:]

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

    /// A host stands in the document as it was written, in the policy normalised.
    private mutating func host(_ name: String, of value: JSONValue) -> JSONValue? {
        guard value.key == "hosts" else { return nil }
        let members =
            hosts[value.index]
            ?? Dictionary(value.members.map { (HostName($0.key), $0.value) }) { first, _ in first }
        hosts[value.index] = members
        return members[HostName(name)]
    }
}
