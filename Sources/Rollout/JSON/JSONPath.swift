/// The way from a document's root to one of its values.
///
/// A literal is the path of one key, and `""` the root: `("rollouts" as JSONPath).appending("sms")`.
package struct JSONPath: Hashable, Sendable, ExpressibleByStringLiteral {
    package enum Element: Sendable {
        case key(String)
        case index(Int)
    }

    package var elements: [Element]

    /// The path of those elements; of none, the root.
    package init(_ elements: [Element] = []) { self.elements = elements }

    package init(stringLiteral key: String) { self.init(key.isEmpty ? [] : [.key(key)]) }

    package func appending(_ key: String) -> JSONPath { JSONPath(elements + [.key(key)]) }

    package func appending(_ index: Int) -> JSONPath { JSONPath(elements + [.index(index)]) }
}

extension JSONPath.Element: Hashable {
    /// Compares keys by UTF-8 bytes: `String ==` takes canonically equivalent texts for the same, a document does not.
    package static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.key(let left), .key(let right)): left.utf8.elementsEqual(right.utf8)
        case (.index(let left), .index(let right)): left == right
        case (.key, .index), (.index, .key): false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .key(let key):
            for byte in key.utf8 { hasher.combine(byte) }
            hasher.combine(0xFF as UInt8)
        case .index(let index): hasher.combine(index)
        }
    }
}

extension JSONPath: CustomStringConvertible {
    /// The path as a program would write it: `rollouts.sms.hosts["stable.sms-app.local"]`, `variants[1].weight`. A key of more
    /// than 1,024 bytes, which no document may have, is cut.
    package var description: String {
        var text = ""
        for element in elements {
            switch element {
            case .index(let index): text += "[\(index)]"
            case .key(let key) where key.utf8.count > 1_024: text += "[\(quoted(key))]"
            case .key(let key) where Self.isPlain(key): text += text.isEmpty ? key : ".\(key)"
            case .key(let key): text += "[\(JSONTree.string(key).canonicalText)]"
            }
        }
        return text
    }

    private static func isPlain(_ key: String) -> Bool {
        !key.isEmpty
            && key.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
