extension JSONValue {
    /// How many elements or members the value has; 0 for a scalar.
    package var count: Int {
        switch kind {
        case .array, .object: Int(node.extent)
        case .null, .boolean, .number, .string: 0
        }
    }

    /// The elements of an array in text order; none of a value of another kind.
    package var elements: Elements { Elements(children: Children(of: self, if: .array)) }

    /// The members of an object in text order, duplicates included; none of a value of another kind.
    package var members: Members { Members(children: Children(of: self, if: .object)) }

    /// The member with that key, compared by UTF-8 bytes, or nil; the first of several.
    ///
    /// - Complexity: O(1) in the number of members.
    package subscript(key: String) -> JSONValue? {
        if storage.keys.hasTable(index) {
            return storage.keys.member(key, of: index, in: tape).map { JSONValue(storage, $0) }
        }
        var children = Children(of: self, if: .object)
        while let child = children.next() {
            if tape.hasKey(key, at: child.index) { return child }
        }
        return nil
    }

    package struct Elements: Sequence, Sendable {
        fileprivate let children: Children

        package func makeIterator() -> Children { children }
    }

    package struct Members: Sequence, Sendable {
        fileprivate let children: Children

        package struct Iterator: IteratorProtocol, Sendable {
            fileprivate var children: Children

            package mutating func next() -> (key: String, value: JSONValue)? {
                children.next().map { (key: $0.tape.key(of: $0.index), value: $0) }
            }
        }

        package func makeIterator() -> Iterator { Iterator(children: children) }
    }

    package struct Children: IteratorProtocol, Sendable {
        private let storage: JSONDocument.Storage
        private var index: Int
        private let end: Int

        fileprivate init(of value: JSONValue, if kind: Kind) {
            storage = value.storage
            index = value.index + 1
            end = value.kind == kind ? Int(value.node.next) : index
        }

        package mutating func next() -> JSONValue? {
            guard index < end else { return nil }
            defer { index = Int(storage.tape.nodes[index].next) }
            return JSONValue(storage, index)
        }
    }
}
