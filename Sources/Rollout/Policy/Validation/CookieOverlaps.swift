/// Cookies of one name that a browser can send together, so that neither rollout knows which one is its own.
///
/// Two cookies meet in a request if their paths meet and their domains do. A rollout that does not draw writes no cookie.
///
/// **Claim:** two paths meet exactly if one path-matches the other (RFC 6265, 5.1.4). Because a request's path that both match
/// starts with both, so the longer one starts with the shorter one. What follows the shorter one in the request follows it
/// in the longer one too, and it is what the shorter one's match depends on.
///
/// Domains meet if they are equal, if one is inside the other, or if one of them is the answering host alone.
///
/// O(bytes of the cookies * log(cookies) + cookies * slashes of a path * dots of a domain), and nothing without a name that
/// occurs twice.
struct CookieOverlaps {
    /// Where a cookie of the same name is.
    struct Other {
        let rollout: RolloutID
        let cookie: StickyCookie
    }

    /// For each cookie that meets an earlier one: that one. A cookie of a longer path comes later, then one of a later id.
    private(set) var others: [RolloutID: Other] = [:]

    init(_ policy: RolloutPolicy, _ unread: [RolloutID: UnreadParts]) {
        guard policy.rollouts.count > 1 else { return }
        var groups: [String: [Other]] = [:]
        for (id, definition) in policy.rollouts where definition.strategy.draws {
            guard let cookie = definition.sticky, unread[id]?.contains(.cookie) != true else { continue }
            groups[cookie.name, default: []].append(Other(rollout: id, cookie: cookie))
        }
        for group in groups.values where group.count > 1 { search(group) }
    }

    /// Goes through the cookies of one name by their paths, and keeps a stack of the paths that the present one matches.
    ///
    /// **Claim:** these are all the earlier paths that meet it. Because `/` sorts before every other byte, the paths that match
    /// a path follow it without a gap.
    private mutating func search(_ group: [Other]) {
        let sorted = group.map { (path: Array($0.cookie.path.utf8), cookie: $0) }.sorted { left, right in
            if left.path == right.path { return left.cookie.rollout < right.cookie.rollout }
            return left.path.lexicographicallyPrecedes(right.path) { Self.rank($0) < Self.rank($1) }
        }
        var stack: [(path: [UInt8], domains: CookieDomains)] = []
        for (path, cookie) in sorted {
            while let top = stack.last, !Self.matches(path, top.path) { stack.removeLast() }
            let domain = cookie.cookie.normalizedDomain
            others[cookie.rollout] = stack.reversed().lazy.compactMap { $0.domains.cookie(meeting: domain) }.first
            if stack.last?.path != path { stack.append((path, CookieDomains())) }
            stack[stack.count - 1].domains.insert(cookie, domain)
        }
    }

    private static func rank(_ byte: UInt8) -> UInt8 { byte == UInt8(ascii: "/") ? 0 : byte }

    /// Whether a request's path gets the cookies of a path.
    private static func matches(_ request: [UInt8], _ path: [UInt8]) -> Bool {
        guard request.starts(with: path) else { return false }
        let slash = UInt8(ascii: "/")
        return request.count == path.count || path.last == slash || request[path.count] == slash
    }
}

extension CookieOverlaps.Other {
    /// Why a cookie of the same name cannot be told from this one.
    func message(beside cookie: StickyCookie) -> String {
        func word(_ domain: String?) -> String { domain.map(quoted) ?? "null" }
        return "expected a name, a path or a domain apart from those of rollout \"\(rollout)\", "
            + "found \(quoted(cookie.name)) for path \(quoted(cookie.path)) and domain \(word(cookie.domain)) "
            + "beside path \(quoted(self.cookie.path)) and domain \(word(self.cookie.domain)): a request can carry both"
    }
}

/// The domains of the cookies at one path, each with the first cookie that has it.
private struct CookieDomains {
    private var byDomain: [Substring: CookieOverlaps.Other] = [:]
    /// By every domain that one of the domains is inside of.
    private var byParent: [Substring: CookieOverlaps.Other] = [:]
    private var forAnswering: CookieOverlaps.Other?
    private var first: CookieOverlaps.Other?

    mutating func insert(_ cookie: CookieOverlaps.Other, _ domain: String?) {
        if first == nil { first = cookie }
        guard let domain else {
            if forAnswering == nil { forAnswering = cookie }
            return
        }
        if byDomain[domain[...]] == nil { byDomain[domain[...]] = cookie }
        for parent in Self.parents(of: domain) where byParent[parent] == nil { byParent[parent] = cookie }
    }

    /// A cookie whose domain is equal to this one, inside it or around it. Nil is the answering host alone.
    func cookie(meeting domain: String?) -> CookieOverlaps.Other? {
        guard let domain else { return first }
        let equalOrInside = byDomain[domain[...]] ?? byParent[domain[...]]
        return forAnswering ?? equalOrInside ?? Self.parents(of: domain).lazy.compactMap { byDomain[$0] }.first
    }

    /// The domains that a domain is inside of, the nearest one first.
    private static func parents(of domain: String) -> [Substring] {
        domain.utf8.indices.filter { domain.utf8[$0] == UInt8(ascii: ".") }
            .map { domain[domain.utf8.index(after: $0)...] }
    }
}
