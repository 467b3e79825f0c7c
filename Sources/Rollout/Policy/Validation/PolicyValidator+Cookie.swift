extension PolicyValidator {
    /// Checks what a browser checks before it keeps a cookie (RFC 6265bis, 4.1 and 5.6).
    mutating func check(_ cookie: StickyCookie, at path: JSONPath) {
        check(cookie.maxAge, in: PolicyLimits.maxAge, at: path.appending("maxAge"))
        checkName(of: cookie, at: path.appending("cookie"))
        if !cookie.path.utf8.starts(with: "/".utf8) || !Self.isAttributeValue(cookie.path) {
            report(
                .badCookie,
                at: path.appending("path"),
                "expected a path that starts with \"/\", printable ASCII without \";\" and without a space at its end, "
                    + "found \(quoted(cookie.path))"
            )
        }
        if let domain = cookie.domain, let expectation = CookieDomain.expectation(for: domain) {
            report(.badCookie, at: path.appending("domain"), "expected \(expectation), found \(quoted(domain))")
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

    /// The prefixes by which a name promises something (RFC 6265bis, 4.1.3), each before those that it starts with. All of
    /// them promise `Secure`, and two also `HttpOnly`, which every cookie here has.
    private static let prefixes = [
        (text: "__Host-Http-", isHostBound: true), (text: "__Host-", isHostBound: true),
        (text: "__Http-", isHostBound: false), (text: "__Secure-", isHostBound: false),
    ]

    /// Browsers compare prefixes without regard to case, and refuse a cookie that breaks the promise.
    private mutating func checkPrefix(of cookie: StickyCookie, at path: JSONPath) {
        guard cookie.name.utf8.starts(with: "__".utf8) else { return }
        let name = cookie.name.lowercased().utf8
        guard let prefix = Self.prefixes.first(where: { name.starts(with: $0.text.lowercased().utf8) }) else { return }
        func demand(_ attribute: String, _ isMet: Bool, _ demand: String) {
            if isMet { return }
            report(.badCookie, at: path.appending(attribute), "a cookie called \"\(prefix.text)…\" \(demand)")
        }
        demand("secure", cookie.isSecure, "needs \"secure\": true")
        demand("domain", !prefix.isHostBound || cookie.domain == nil, "has no domain")
        demand("path", !prefix.isHostBound || cookie.path == "/", "needs the path \"/\"")
    }

    /// A browser drops the spaces at the end of an attribute.
    private static func isAttributeValue(_ text: String) -> Bool {
        text.utf8.count <= PolicyLimits.textBytes && text.utf8.last != UInt8(ascii: " ")
            && text.utf8.allSatisfy { 0x20...0x7E ~= $0 && $0 != UInt8(ascii: ";") }
    }
}

/// What a cookie's `Domain` can be (RFC 6265bis, 5.1.3 and 5.6.3).
private enum CookieDomain {
    /// What was to be expected in the place of a domain that no browser accepts, or nil if one does.
    ///
    /// A dot before the first part means nothing, and browsers ignore it. No host has any other empty part.
    static func expectation(for text: String) -> String? {
        let name = text.utf8.first == UInt8(ascii: ".") ? text.utf8.dropFirst() : text.utf8[...]
        if HostForm.isIPv6(name) { return noAddress }
        let parts = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard text.utf8.count <= 253, parts.allSatisfy({ 1...63 ~= $0.count && $0.allSatisfy(isDomainByte) }) else {
            return "a domain: parts of 1 ... 63 letters, digits and \"-\", joined by \".\""
        }
        // A browser takes a host for an IPv4 address if its last part is a number.
        if let last = parts.last, isNumber(last) { return noAddress }
        return parts.count > 1 ? nil : "a domain of at least two parts, or null for the answering host alone"
    }

    private static let noAddress = "a domain, or null for the answering host alone: an IP address has no subdomains"

    private static func isNumber(_ part: Substring.UTF8View) -> Bool {
        let isHexadecimal = part.starts(with: "0x".utf8) || part.starts(with: "0X".utf8)
        return isHexadecimal
            ? part.dropFirst(2).allSatisfy { UnicodeScalar($0).properties.isASCIIHexDigit }
            : part.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
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
