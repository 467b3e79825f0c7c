/// What a session needs of a request.
public struct SessionRequest: Sendable {
    enum Cookies: Sendable {
        case one(String?)
        case several([String])
    }

    /// What is bucketed; nil and an empty text are no unit.
    public var unit: String?
    /// The value of the `Host` header, in any case, with or without port.
    public var host: String?
    /// The caller's clock, in Unix seconds.
    public var now: Int64

    let cookies: Cookies

    /// A request.
    ///
    /// - Parameters:
    ///   - unit: What is bucketed; nil and an empty text are no unit.
    ///   - host: The value of the `Host` header.
    ///   - cookies: The value of the `Cookie` header.
    ///   - now: The caller's clock, in Unix seconds.
    public init(unit: String? = nil, host: String? = nil, cookies: String? = nil, now: Int64) {
        self.unit = unit
        self.host = host
        self.now = now
        self.cookies = .one(cookies)
    }

    /// A request with any number of `Cookie` headers, as HTTP/2 may split them; they count as one, joined by `"; "`.
    ///
    /// - Parameters:
    ///   - unit: What is bucketed; nil and an empty text are no unit.
    ///   - host: The value of the `Host` header.
    ///   - cookies: The values of the `Cookie` headers in their order.
    ///   - now: The caller's clock, in Unix seconds.
    public init(unit: String? = nil, host: String? = nil, cookies: [String], now: Int64) {
        self.unit = unit
        self.host = host
        self.now = now
        self.cookies = .several(cookies)
    }
}
