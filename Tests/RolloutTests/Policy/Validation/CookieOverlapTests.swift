import Testing

@testable import Rollout

@Suite("Cookies of one name")
struct CookieOverlapTests {
    private static let canary = RolloutStrategy.canary(.percent(1), stable: ["app": "1"], canary: ["app": "2"])

    private static func rollout(_ cookie: StickyCookie, _ strategy: RolloutStrategy = canary) -> RolloutDefinition {
        RolloutDefinition(strategy, sticky: cookie)
    }

    private static func isRefused(_ first: RolloutDefinition, _ second: RolloutDefinition) -> Bool {
        let found = RolloutPolicy(revision: 1, rollouts: ["a": first, "b": second]).problems().all.map(\.code)
        #expect(found == [] || found == [.overlappingCookies])
        return found == [.overlappingCookies]
    }

    @Test(
        "are allowed where no request carries both",
        arguments: [
            ("/a", nil, "/b", nil), ("/a", nil, "/ab", nil), ("/a/", nil, "/ab/", nil), ("/a/b", nil, "/a/c", nil),
            ("/a", nil, "/A", nil), ("/", "a.example", "/", "b.example"), ("/", "a.example", "/", "ba.example"),
            ("/x", "a.example", "/y", "a.example"), ("/x", "a.example", "/x/y", "b.example"), ("/a!", nil, "/a", nil),
        ] as [(String, String?, String, String?)]
    )
    func apart(path: String, domain: String?, otherPath: String, otherDomain: String?) {
        let one = Self.rollout(StickyCookie(name: "c", maxAge: 60, path: path, domain: domain))
        let other = Self.rollout(StickyCookie(name: "c", maxAge: 60, path: otherPath, domain: otherDomain))
        #expect(!Self.isRefused(one, other) && !Self.isRefused(other, one))
        #expect(Self.isRefused(one, one) && Self.isRefused(other, other))
    }

    @Test("are allowed where one is dormant, and two names where only case differs")
    func dormant() {
        let cookie = StickyCookie(name: "c", maxAge: 60)
        let live = Self.rollout(cookie)
        #expect(Self.isRefused(live, live))
        #expect(!Self.isRefused(live, Self.rollout(cookie, .fixed(["app": "1"]))))
        #expect(!Self.isRefused(live, Self.rollout(cookie, .shadow(.all, primary: ["app": "1"], shadow: ["app": "2"]))))
        #expect(!Self.isRefused(live, Self.rollout(StickyCookie(name: "C", maxAge: 60))))
        let test = RolloutStrategy.abTest([WeightedVariant("a", weight: 1, release: ["a": "1"])])
        #expect(Self.isRefused(live, Self.rollout(cookie, test)))
    }

    /// Whether some path and some host get both cookies, by RFC 6265, 5.1.3 and 5.1.4, asked for each that may matter.
    private static func meet(_ one: StickyCookie, _ other: StickyCookie) -> Bool {
        func covers(_ cookie: StickyCookie, path: String) -> Bool {
            path == cookie.path || path.hasPrefix(cookie.path) && cookie.path.hasSuffix("/")
                || path.hasPrefix(cookie.path + "/")
        }
        func covers(_ cookie: StickyCookie, host: String) -> Bool {
            guard let domain = cookie.domain?.lowercased() else { return true }
            let name = domain.hasPrefix(".") ? String(domain.dropFirst()) : domain
            return host == name || host.hasSuffix("." + name)
        }
        let paths = [one.path, other.path].flatMap { [$0, $0 + "/", $0 + "/x"] }
        let hosts = [one.domain, other.domain].map { ($0 ?? "any").lowercased().drop { $0 == "." } }.map(String.init)
        return paths.contains { covers(one, path: $0) && covers(other, path: $0) }
            && hosts.contains { covers(one, host: $0) && covers(other, host: $0) }
    }

    @Test("are refused exactly where one meets another, which is named", arguments: 0..<20 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        let paths = ["/", "//", "/a", "/a/", "/a//", "/a/b", "/a/b/", "/ab", "/a!", "/a/b/c", "/b", "/a.", "/a/!"]
        let domains = [nil, "x.example", ".X.example", "y.x.example", "z.y.x.example", "yx.example", "x.example.org"]
        for _ in 0..<50 {
            var policy = RolloutPolicy(revision: 1, rollouts: [:])
            for index in 0..<random.number(in: 2...8) {
                let id = try #require(RolloutID("r\(index)"))
                var cookie = StickyCookie(name: random.pick(["c", "d"]), maxAge: 60)
                cookie.path = random.pick(paths)
                // Without a domain everything meets, which would hide the rest.
                cookie.domain = random.chance(1, in: 12) ? nil : random.pick(domains)
                policy.rollouts[id] = Self.rollout(cookie)
            }
            let cookies = policy.rollouts.compactMapValues(\.sticky)
            let overlaps = CookieOverlaps(policy, [:]).others
            for (id, other) in overlaps {
                let cookie = try #require(cookies[id])
                #expect(id != other.rollout && cookies[other.rollout] == other.cookie)
                #expect(cookie.name == other.cookie.name && Self.meet(cookie, other.cookie))
            }
            // Those that are not refused would not meet if the others were renamed.
            for (id, cookie) in cookies where overlaps[id] == nil {
                for (other, second) in cookies where other != id && overlaps[other] == nil {
                    #expect(cookie.name != second.name || !Self.meet(cookie, second), "\(policy.json)")
                }
            }
        }
    }

    @Test("are looked through in 3,000 rollouts without comparing each with each")
    func many() throws {
        var policy = RolloutPolicy(revision: 1, rollouts: [:])
        for index in 0..<3_000 {
            let id = try #require(RolloutID("r\(index)"))
            policy.rollouts[id] = Self.rollout(
                StickyCookie(name: "c", maxAge: 60, path: "/p\(index % 60)", domain: "d\(index / 60).example")
            )
        }
        #expect(CookieOverlaps(policy, [:]).others.isEmpty)
        policy.rollouts["s"] = Self.rollout(StickyCookie(name: "c", maxAge: 60, path: "/p7/x", domain: "e.d42.example"))
        #expect(CookieOverlaps(policy, [:]).others.mapValues(\.rollout) == ["s": "r2527"])
        policy.rollouts["t"] = Self.rollout(StickyCookie(name: "c", maxAge: 60))
        #expect(CookieOverlaps(policy, [:]).others.count == 3_001)
    }
}
