/// The decision for a request, and what to tell the browser.
///
/// A value without references, as a decision is; only reading ``setCookie`` makes a string.
public struct SessionDecision: Sendable {
    /// The decision.
    public let decision: Decision
    /// What became of the request's token, or of the assignment that the service remembers.
    public let token: TokenVerdict
    /// The cookie that is due.
    let dueCookie: DueCookie?

    /// The value of the `Set-Cookie` header to send, or nil for none.
    ///
    /// Send `Cache-Control: private` with it, and with every response whose content depends on the decision.
    public var setCookie: String? { dueCookie?.header }
}

/// What became of the token in a request, or of an assignment that the service itself remembers.
public enum TokenVerdict: Hashable, Sendable {
    /// There is none, or the rollout has no use for one.
    case absent
    /// It is valid. The decision's reason says whether it decided: a host or a forced unit goes before it.
    case valid
    /// It is of a newer epoch than this policy: this replica is behind, and leaves the cookie alone.
    case newerEpoch
    /// It is not honoured.
    case lost(TokenLoss)
}

extension TokenVerdict: CustomStringConvertible {
    /// The verdict in a few words.
    public var description: String {
        switch self {
        case .absent: "absent"
        case .valid: "valid"
        case .newerEpoch: "of a newer epoch"
        case .lost(let cause): "lost: \(cause)"
        }
    }
}

/// A signed token on its way to a browser, and the cookie of the policy that says how it travels.
struct DueCookie: Sendable {
    let token: TokenBytes
    let cookie: CookieReference
    /// Seconds.
    let maxAge: Int64

    /// The value of the `Set-Cookie` header.
    var header: String? { unsafe cookie.record?.pointee.rules.cookie.header(token, maxAge: maxAge) }
}

/// The values of `Set-Cookie` headers (RFC 6265bis).
extension StickyCookie {
    /// The header's value that makes a browser keep a token for a number of seconds.
    fileprivate func header(_ token: TokenBytes, maxAge: Int64) -> String {
        "\(name)=\(token.text)\(attributes)\(maxAge)"
    }

    /// The value of a `Set-Cookie` header that makes a browser forget the cookie.
    var deletion: String { "\(name)=\(attributes)0" }

    /// What comes between the value and the number of seconds.
    private var attributes: String {
        var text = isSecure ? "; Secure" : ""
        text += "; HttpOnly; SameSite=\(sameSite.rawValue); Path=\(path)"
        if let domain { text += "; Domain=\(domain)" }
        return text + "; Max-Age="
    }
}
