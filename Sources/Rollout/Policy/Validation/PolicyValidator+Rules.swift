extension PolicyValidator {
    /// Checks what names hosts, units and variants. If the names of the variants are not known, only the hosts and units.
    mutating func checkRules(of rollout: RolloutDefinition, names: VariantNames?, at path: JSONPath) {
        let (hosts, forced) = (path.appending("hosts"), path.appending("forced"))
        if check(rollout.hosts.count, "hosts", limit: PolicyLimits.hosts, at: hosts) {
            for (host, variant) in rollout.hosts.sorted(by: { $0.key.text < $1.key.text }) {
                check(host, at: hosts.appending(host.text))
                checkTarget(variant, among: names, at: hosts.appending(host.text))
            }
        }
        if check(rollout.forced.count, "forced units", limit: PolicyLimits.forcedUnits, at: forced) {
            for (unit, variant) in rollout.forced.sorted(by: { $0.key.text < $1.key.text }) {
                check(text: unit.text, at: forced.appending(unit.text))
                checkTarget(variant, among: names, at: forced.appending(unit.text))
            }
        }
        guard let names else { return }
        for (key, listed) in [("disabled", rollout.disabled), ("draining", rollout.draining)] {
            for name in listed.sorted() {
                checkVariant(name, among: names, at: path.appending(key))
                if name == names.first {
                    report(
                        .forbiddenVariant,
                        at: path.appending(key),
                        "\"\(name)\" is the first variant, which serves in place of all others"
                    )
                }
            }
        }
    }

    /// A host or a unit may be forced to any variant that answers requests, and to the canary that is to come.
    private mutating func checkTarget(_ name: VariantName, among names: VariantNames?, at path: JSONPath) {
        guard let names, names.place(ofRuleFor: name) == nil else { return }
        if names.contains(name) {
            report(
                .forbiddenVariant,
                at: path,
                "\"\(name)\" receives copies and answers nobody; \(names.ruleWords) may stand here"
            )
        } else {
            report(.unknownVariant, at: path, "expected one of the variants \(names.ruleWords), found \"\(name)\"")
        }
    }

    private mutating func check(_ host: HostName, at path: JSONPath) {
        let bytes = host.text.utf8
        let isHost = bytes.allSatisfy { $0 > 0x20 && $0 != 0x7F && !Self.neverInHosts.contains($0) }
        // A header loses one port and one dot. A rule that still has one to lose would never apply.
        if !isHost || !(1...PolicyLimits.textBytes ~= bytes.count) || HostName(host.text) != host {
            report(
                .badHost,
                at: path,
                "expected a host of \(spelled(1...PolicyLimits.textBytes)) bytes as a Host header has it, "
                    + "found \(quoted(host.text))"
            )
        }
    }

    /// What ends a host in a URL, or joins several in a header. A rule with such a host would never apply.
    private static let neverInHosts = Set("/?#@,\\".utf8)

    // MARK: The cookie

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

    /// Prefixes of names promise something; browsers compare them without regard to case.
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

    /// A dot before the first part means nothing, and browsers ignore it. No host has any other empty part.
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
