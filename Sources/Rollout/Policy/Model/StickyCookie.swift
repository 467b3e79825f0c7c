/// The cookie that remembers a visitor's assignment.
public struct StickyCookie: Hashable, Sendable {
    /// What an assignment holds fast.
    public enum Pin: String, Hashable, Sendable, CaseIterable {
        /// The variant, until the assignment expires: one version a session, both ways.
        case variant
        /// Only the bucket, so that a ramp moves exactly the new interval at once.
        case bucket
    }

    /// When a browser sends the cookie along with requests from other sites.
    public enum SameSite: String, Hashable, Sendable, CaseIterable {
        /// Never.
        case strict = "Strict"
        /// When a person follows a link.
        case lax = "Lax"
        /// Always, which the policy document and the cookie spell `None`; needs ``StickyCookie/isSecure``.
        case unrestricted = "None"
    }

    /// The cookie's name.
    public var name: String
    /// The life of an assignment in seconds, 60 ... 34,560,000 (400 days).
    public var maxAge: Int
    /// What an assignment holds fast.
    public var pin: Pin
    /// Whether the cookie travels over HTTPS only.
    public var isSecure: Bool
    /// When the cookie travels along with requests from other sites.
    public var sameSite: SameSite
    /// The path below which the cookie is sent.
    public var path: String
    /// The domain with all its subdomains, or nil for the answering host alone.
    public var domain: String?

    /// The domain as hosts are compared with it: in lower case, and without a leading dot, which browsers ignore.
    var normalizedDomain: String? {
        domain.map { HostName(String($0.first == "." ? $0.dropFirst() : $0[...])).text }
    }

    /// A cookie with the defaults of the policy document.
    public init(
        name: String,
        maxAge: Int,
        pin: Pin = .variant,
        isSecure: Bool = true,
        sameSite: SameSite = .lax,
        path: String = "/",
        domain: String? = nil
    ) {
        self.name = name
        self.maxAge = maxAge
        self.pin = pin
        self.isSecure = isSecure
        self.sameSite = sameSite
        self.path = path
        self.domain = domain
    }
}
