/// The values of `Set-Cookie` headers (RFC 6265bis).
extension StickyCookie {
    /// The header's value that makes a browser keep a token for so many seconds.
    func header(_ token: TokenBytes, maxAge: Int64) -> String {
        "\(name)=\(token.text)\(attributes)\(maxAge)"
    }

    /// The value of a `Set-Cookie` header that makes a browser forget the cookie: a browser that is told other attributes
    /// would keep the old cookie and add a second one.
    public var deletion: String { "\(name)=\(attributes)0" }

    /// What comes between the value and the number of seconds.
    private var attributes: String {
        var text = isSecure ? "; Secure" : ""
        text += "; HttpOnly; SameSite=\(sameSite.rawValue); Path=\(path)"
        if let domain { text += "; Domain=\(domain)" }
        return text + "; Max-Age="
    }
}
