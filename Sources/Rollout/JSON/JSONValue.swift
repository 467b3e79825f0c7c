/// One value of a document: a cursor that is cheap to pass on, and keeps its document alive.
package struct JSONValue: Sendable {
    package enum Kind: UInt8, Hashable, Sendable {
        case null, boolean, number, string, array, object
    }

    let storage: JSONDocument.Storage
    let index: Int

    init(_ storage: JSONDocument.Storage, _ index: Int) {
        self.storage = storage
        self.index = index
    }

    var tape: JSONTape { storage.tape }
    var node: JSONNode { storage.tape.nodes[index] }

    package var kind: Kind { node.kind }

    package var isNull: Bool { kind == .null }

    /// True or false, or nil for a value of another kind.
    package var boolean: Bool? {
        guard kind == .boolean else { return nil }
        return tape.bytes[Int(node.start)] == UInt8(ascii: "t")
    }

    /// The string, escapes resolved, or nil for a value of another kind.
    package var string: String? {
        let node = node
        guard node.kind == .string else { return nil }
        if node.isEscaped { return tape.string(at: Int(node.start), isEscaped: true) }
        return String(decoding: tape.bytes[Int(node.start) + 1..<Int(node.extent) - 1], as: UTF8.self)
    }
}

extension JSONValue {
    /// Where the value starts.
    package var position: JSONPosition { position(of: node.start) }

    /// Where the value's key starts, or nil if it is no member of an object.
    package var keyPosition: JSONPosition? { isMember ? position(of: node.label) : nil }

    /// The value's key, or nil if it is no member of an object.
    package var key: String? { isMember ? tape.key(of: index) : nil }

    /// The way from the root to the value.
    package var path: JSONPath {
        var elements: [JSONPath.Element] = []
        var index = index
        while index > 0 {
            let node = tape.nodes[index]
            let isElement = tape.nodes[Int(node.parent)].kind == .array
            elements.append(isElement ? .index(Int(node.label)) : .key(tape.key(of: index)))
            index = Int(node.parent)
        }
        return JSONPath(elements.reversed())
    }

    private var isMember: Bool { index > 0 && tape.nodes[Int(node.parent)].kind == .object }

    private func position(of offset: UInt32) -> JSONPosition {
        storage.positions.position(of: Int(offset), in: tape.bytes)
    }
}

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
