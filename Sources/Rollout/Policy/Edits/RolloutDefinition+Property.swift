extension RolloutDefinition {
    /// One thing that a definition says, with its default if the document need not say it.
    struct Property {
        /// What is the same thing in two definitions, wherever it stands. Compared by bytes, as all names are.
        let key: JSONPath
        let place: JSONPath
        let value: JSONTree
        /// What it means if this value follows another one; null is none.
        let meaning: (_ old: JSONTree, _ new: JSONTree) -> String

        init(
            _ key: JSONPath,
            at place: JSONPath? = nil,
            _ value: JSONTree,
            _ meaning: @escaping (JSONTree, JSONTree) -> String
        ) {
            self.key = key
            self.place = place ?? key
            self.value = value
            self.meaning = meaning
        }

        init(_ key: JSONPath, at place: JSONPath? = nil, _ value: JSONTree, _ meaning: String) {
            self.init(key, at: place, value) { _, _ in meaning }
        }
    }
}

extension JSONTree {
    var isNull: Bool { if case .null = self { true } else { false } }

    var isTrue: Bool { if case .boolean(true) = self { true } else { false } }

    func isString(_ text: String) -> Bool { says(the: .string(text)) }

    func isBelow(_ other: JSONTree) -> Bool {
        guard case .integer(let left) = self, case .integer(let right) = other else { return false }
        return left < right
    }
}
