import Testing

@testable import Rollout

@Suite("Registry of cookies")
struct CookieRegistryTests {
    private func rules(_ number: Int) -> CookieRecord.Rules {
        CookieRecord.Rules(
            rollout: "r",
            cookie: StickyCookie(name: "c\(number)", maxAge: 60),
            assignsMissing: false
        )
    }

    private func policy(_ cookies: Int...) -> RolloutPolicy {
        var policy = RolloutPolicy(revision: 1, rollouts: [:])
        for (index, number) in cookies.enumerated() {
            let id = RolloutID("r\(index)") ?? "r"
            policy.rollouts[id] = RolloutDefinition(
                .canary(.percent(1), stable: ["app": "1"], canary: ["app": "2"]),
                sticky: StickyCookie(name: "c\(number)", maxAge: 60)
            )
        }
        return policy
    }

    @Test("gives one place to equal cookies, another to every other, and none to none")
    func places() throws {
        let registry = CookieRegistry(capacity: 10)
        let places = try registry.intern([rules(1), nil, rules(2), rules(1)]) {}.cookies
        #expect(places[0] == places[3])
        #expect(places[0] != places[2])
        #expect(places[1] == .absent)
        #expect(try registry.intern([rules(2), rules(1)]) {}.cookies == [places[2], places[0]])
        let record = unsafe try #require(places[2].record)
        #expect(unsafe record.pointee.rules == rules(2))
        #expect(unsafe record.pointee.name.elementsEqual("c2".utf8) && record.pointee.rollout.elementsEqual("r".utf8))
    }

    @Test("takes what fits, refuses what does not with a problem of its own, and registers nothing of it")
    func capacity() throws {
        let registry = CookieRegistry(capacity: 3)
        _ = try registry.intern([rules(1), rules(2)]) {}
        let error = #expect(throws: PolicyError.self) {
            try registry.intern([rules(3), rules(4)]) { Issue.record("the rest is not asked for") }
        }
        #expect(error?.problems.map(\.code) == [.tooManyCookies])
        #expect(error?.problems.first?.message == "the process would know more than 3 different cookies of rollouts")
        // Had the refusal registered cookie 3 or 4, there would be no room left.
        _ = try registry.intern([rules(5), rules(5), rules(1)]) {}
        #expect(throws: PolicyError.self) { try registry.intern([rules(3)]) {} }
        _ = try registry.intern([nil, rules(5), rules(2)]) {}
    }

    @Test("A policy that is refused for its cookies leaves no variant behind, and the other way round")
    func policies() throws {
        func compile(_ policy: RolloutPolicy, _ registry: VariantRegistry, _ cookies: CookieRegistry) throws {
            _ = try CompiledPolicy(policy, after: Roster(), appliedAt: 0, registry: registry, cookies: cookies)
        }
        // Room for one rollout's two variants.
        let (registry, cookies) = (VariantRegistry(capacity: 2), CookieRegistry(capacity: 1))
        let tooManyCookies = #expect(throws: PolicyError.self) {
            try compile(policy(1, 2), VariantRegistry(capacity: 4), cookies)
        }
        #expect(tooManyCookies?.problems.map(\.code) == [.tooManyCookies])
        let tooManyVariants = #expect(throws: PolicyError.self) {
            try compile(policy(1, 2), registry, CookieRegistry(capacity: 2))
        }
        #expect(tooManyVariants?.problems.map(\.code) == [.tooManyVariants])
        #expect(throws: PolicyError.self) { try compile(policy(1, 2), registry, cookies) }
        // Both are as empty as before.
        try compile(policy(3), registry, cookies)
        let shared = CookieRegistry(capacity: 1)
        #expect(throws: PolicyError.self) { try compile(policy(1), VariantRegistry(capacity: 1), shared) }
        try compile(policy(2), VariantRegistry(capacity: 2), shared)
    }
}
