/// What a session needs of a request.
///
/// Routing it counts no reference; making it counts one for each text of more than 15 bytes, as any struct of strings does.
public struct SessionRequest: Sendable {
    // Texts are stored without an optional round them, empty for none: taking one out would count a reference.
    private(set) var unitText: String
    private(set) var hostText: String
    let cookies: String

    /// The time of the request. No cookie is written before 1970 or after 2106, because a token holds its times in 32 bits.
    public var now: UnixTime

    /// A request.
    ///
    /// - Parameters:
    ///   - unit: What is bucketed; nil and an empty text are no unit.
    ///   - host: The value of the `Host` header.
    ///   - cookies: The value of the `Cookie` header.
    ///   - now: The time of the request.
    public init(unit: String? = nil, host: String? = nil, cookies: String? = nil, now: UnixTime = .now) {
        self.unitText = Self.native(unit)
        self.hostText = Self.native(host)
        self.now = now
        self.cookies = Self.native(cookies)
    }

    /// A request with any number of `Cookie` headers, as HTTP/2 may split them. They are one, joined by `"; "`.
    ///
    /// - Parameters:
    ///   - unit: What is bucketed; nil and an empty text are no unit.
    ///   - host: The value of the `Host` header.
    ///   - cookies: The values of the `Cookie` headers in their order.
    ///   - now: The time of the request.
    public init(unit: String? = nil, host: String? = nil, cookies: [String], now: UnixTime = .now) {
        let joined = cookies.count == 1 ? cookies[0] : cookies.joined(separator: "; ")
        self.init(unit: unit, host: host, cookies: joined, now: now)
    }

    /// What is bucketed, or nil for no unit.
    public var unit: String? {
        get { unitText.isEmpty ? nil : unitText }
        set { unitText = Self.native(newValue) }
    }

    /// The value of the `Host` header, in any case, with or without port, or nil for none.
    public var host: String? {
        get { hostText.isEmpty ? nil : hostText }
        set { hostText = Self.native(newValue) }
    }

    /// The text in contiguous UTF-8, empty for none: only one bridged from elsewhere (on Apple systems) is copied.
    private static func native(_ text: String?) -> String {
        var text = text ?? ""
        text.makeContiguousUTF8()
        return text
    }
}
