extension PolicyValidator {
    /// Checks what a browser checks before it keeps a cookie (RFC 6265bis, 4.1 and 5.6).
    mutating func check(_ cookie: StickyCookie, at path: JSONPath) {
        check(cookie.maxAge, in: PolicyLimits.maxAge, at: path.appending("maxAge"))
        checkName(of: cookie, at: path.appending("cookie"))
        if !cookie.path.utf8.starts(with: "/".utf8) || !Self.isAttributeValue(cookie.path) {
            report(
                .badCookie,
                at: path.appending("path"),
                "expected a path that starts with \"/\", printable ASCII without \";\", found \(quoted(cookie.path))"
            )
        }
        if let domain = cookie.domain, !Self.isDomain(domain) {
            report(
                .badCookie,
                at: path.appending("domain"),
                "expected a domain: parts of 1 ... 63 letters, digits and \"-\", joined by \".\", found \(quoted(domain))"
            )
        }
        if cookie.sameSite == .unrestricted, !cookie.isSecure {
            report(.badCookie, at: path.appending("secure"), "SameSite \"None\" needs \"secure\": true")
        }
        checkPrefix(of: cookie, at: path)
    }

    private mutating func checkName(of cookie: StickyCookie, at path: JSONPath) {
        let separators = Set("()<>@,;:\\\"/[]?={}".utf8)
        let isToken = cookie.name.utf8.allSatisfy { 0x21...0x7E ~= $0 && !separators.contains($0) }
        let room = PolicyLimits.cookieBytes - PolicyLimits.tokenLength
        if !isToken || !(1...room ~= cookie.name.utf8.count) {
            report(
                .badCookie,
                at: path,
                "expected a cookie name of \(spelled(1...room)) visible ASCII characters without separators, "
                    + "found \(quoted(cookie.name))"
            )
        }
    }

    /// Names that promise something; browsers compare the prefixes without regard to case.
    private mutating func checkPrefix(of cookie: StickyCookie, at path: JSONPath) {
        let name = cookie.name.lowercased()
        let isHostBound = name.utf8.starts(with: "__host-".utf8)
        guard isHostBound || name.utf8.starts(with: "__secure-".utf8) else { return }
        let prefix = isHostBound ? "__Host-" : "__Secure-"
        if !cookie.isSecure {
            report(.badCookie, at: path.appending("secure"), "a cookie called \"\(prefix)…\" needs \"secure\": true")
        }
        if isHostBound, cookie.domain != nil {
            report(.badCookie, at: path.appending("domain"), "a cookie called \"__Host-…\" has no domain")
        }
        if isHostBound, cookie.path != "/" {
            report(.badCookie, at: path.appending("path"), "a cookie called \"__Host-…\" needs the path \"/\"")
        }
    }

    private static func isAttributeValue(_ text: String) -> Bool {
        text.utf8.count <= PolicyLimits.textBytes
            && text.utf8.allSatisfy { 0x20...0x7E ~= $0 && $0 != UInt8(ascii: ";") }
    }

    /// One dot before the first part means nothing, and browsers pass over it; any other empty part has no host.
    private static func isDomain(_ text: String) -> Bool {
        let name = text.utf8.first == UInt8(ascii: ".") ? text.utf8.dropFirst() : text.utf8[...]
        let parts = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return text.utf8.count <= 253 && parts.allSatisfy { 1...63 ~= $0.count && $0.allSatisfy(isDomainByte) }
    }

    private static func isDomainByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
