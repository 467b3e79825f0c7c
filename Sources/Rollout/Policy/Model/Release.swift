/// The versions that travel together: component -> version, such as app `v2` with model `v2`.
///
/// A release is one value, so app v2 with model v1 cannot come about by accident; it has to be written down.
public struct Release: Hashable, Sendable {
    /// A part of the system that has versions of its own, such as `app` or `model`.
    public struct Component: PolicyName {
        /// The name itself.
        public let text: String

        /// A component from run-time text, or nil if the text is no name.
        public init?(_ text: String) {
            guard isPolicyName(text) else { return nil }
            self.text = text
        }

        /// The application.
        public static let app: Component = "app"
        /// The machine-learning model.
        public static let model: Component = "model"
    }

    /// Every component with its version: 1 to 128 printable ASCII characters each, at least one component.
    public var versions: [Component: String]

    /// A release of these versions; a policy that holds it is refused if a version or their number is wrong.
    public init(_ versions: [Component: String]) {
        self.versions = versions
    }

    /// The version of a component, or nil if the release has no such component.
    public subscript(component: Component) -> String? { versions[component] }
}

extension Release: Codable {
    /// Decodes a release from an object whose keys are components: `{"app":"v2","model":"v2"}`.
    ///
    /// A version is any text, as in ``init(_:)``: the policy that holds the release is what judges it.
    ///
    /// - Throws: `DecodingError` if a key is no name, or a version is no text.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: TextKey.self)
        var versions: [Component: String] = [:]
        for key in container.allKeys {
            guard let component = Component(key.stringValue) else {
                throw DecodingError.noName(key.stringValue, at: decoder.codingPath)
            }
            versions[component] = try container.decode(String.self, forKey: key)
        }
        self.init(versions)
    }

    /// Encodes the release as an object whose keys are components.
    public func encode(to encoder: any Encoder) throws { try versions.encode(to: encoder) }
}

extension Release: ExpressibleByDictionaryLiteral {
    /// A release written in source; naming a component twice is a programmer's mistake and traps.
    public init(dictionaryLiteral elements: (Component, String)...) {
        self.init(Dictionary(uniqueKeysWithValues: elements))
    }
}

extension Release: CustomStringConvertible {
    /// Components in order of their names: `app v2, model v2`.
    public var description: String {
        versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}
