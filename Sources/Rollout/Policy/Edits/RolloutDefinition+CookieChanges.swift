extension RolloutDefinition {
    /// What the cookie says.
    func cookieProperties(_ other: StickyCookie?) -> [Property] {
        guard let cookie = sticky else { return [] }
        guard other != nil else {
            return [
                Property("sticky", PolicyWriter.tree(of: cookie)) { old, _ in
                    old.isNull
                        ? "a cookie remembers assignments from now on"
                        : "no cookie is read or written any more: sessions are drawn by their units alone"
                }
            ]
        }
        let path: JSONPath = "sticky"
        let isSameDomain = cookie.normalizedDomain == other?.normalizedDomain
        let properties = [
            Property(
                path.appending("cookie"),
                .string(cookie.name),
                "the cookie is renamed: live sessions are drawn anew"
            ),
            Property(path.appending("maxAge"), .integer(cookie.maxAge)) { old, new in
                new.isBelow(old)
                    ? "assignments last shorter: cookies that are older than that lose at once"
                    : "new assignments last longer"
            },
            Property(path.appending("pin"), .string(cookie.pin.rawValue)) { _, new in
                new.isString("variant")
                    ? "a cookie keeps the variant, not only the bucket"
                    : "a cookie keeps the bucket alone: sessions follow a change of shares at once"
            },
            Property(path.appending("secure"), .boolean(cookie.isSecure)) { _, new in
                new.isTrue ? "the cookie travels over HTTPS only" : "the cookie travels over plain HTTP too"
            },
            Property(
                path.appending("sameSite"),
                .string(cookie.sameSite.rawValue),
                "browsers decide by another rule whether requests from other sites bring the cookie"
            ),
            Property(
                path.appending("path"),
                .string(cookie.path),
                "browsers send new cookies to other paths, and keep those of the old path: sessions end where these are not sent"
            ),
            Property(
                path.appending("domain"),
                cookie.domain.map { .string($0) } ?? .null,
                isSameDomain
                    ? "the same domain in another spelling: tokens keep"
                    : "browsers send the cookie to other hosts, and tokens of the old scope lose: live sessions are drawn anew"
            ),
        ]
        return dormant.map { text in properties.map { Property($0.key, at: $0.place, $0.value, text) } } ?? properties
    }
}
