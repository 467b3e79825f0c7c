import Testing

@testable import Rollout

@Suite("Units")
struct UnitTests {
    /// Half to either side, and the twins forced apart.
    private func handle(forced: [UnitID: VariantName] = [:]) throws -> RolloutHandle {
        let definition = RolloutDefinition(
            .canary(.percent(50), stable: ["app": "1"], canary: ["app": "2"]),
            forced: forced
        )
        let policy = RolloutPolicy(revision: 1, rollouts: ["r": definition])
        return try #require(try RolloutRouter(policy: policy).rollout("r"))
    }

    @Test("A text is one unit, as string, bytes and hashed", arguments: 0..<8 as Range<UInt64>)
    func entries(seed: UInt64) throws {
        let handle = try handle(forced: ["qa-1": .canary, "42": .stable])
        var random = RandomPolicy(seed: seed)
        let lengths = (0..<60).map { _ in random.number(in: 1...300) }
        let texts = lengths.map { length in
            String(decoding: (0..<length).map { _ in UInt8(random.number(in: 1...127)) }, as: UTF8.self)
        }
        for text in texts + RandomPolicy.units {
            let decision = handle.decision(for: text)
            #expect(handle.decision(for: Array(text.utf8).span) == decision)
            #expect(handle.decision(for: HashedUnit(text)) == decision)
            #expect(handle.decision(for: text, host: nil) == decision)
            #expect(handle.decision(for: text, host: "no.rule") == decision)
            #expect(HashedUnit(text).text.utf8.elementsEqual(text.utf8))
        }
    }

    @Test(
        "An integer is its decimal text",
        arguments: [0, 1, -1, 42, 99_999_999, 100_000_000, -9_999_999_999_999_999, .min, .max, .max - 1] as [Int64]
    )
    func integers(number: Int64) throws {
        let handle = try handle(forced: [UnitID(number): .canary])
        let decision = handle.decision(for: String(number))
        #expect(decision.reason == .forced)
        #expect(handle.decision(for: number) == decision)
        #expect(handle.decision(for: Int(number)) == decision)
        if let unsigned = UInt64(exactly: number) { #expect(handle.decision(for: unsigned) == decision) }
        #expect(try self.handle().decision(for: number) == self.handle().decision(for: String(number)))
        #expect(try self.handle().decision(for: UInt64.max) == self.handle().decision(for: "18446744073709551615"))
    }

    @Test("No text and no bytes are no unit")
    func empty() throws {
        let handle = try handle()
        let none: [UInt8] = []
        for decision in [
            handle.decision(for: ""), handle.decision(for: none.span), handle.decision(for: HashedUnit("")),
            handle.decision(for: nil), handle.decision(for: "", host: "h"), handle.decision(for: nil, host: ""),
        ] {
            #expect(decision.reason == .missingUnit)
            #expect(decision.variant.name == "stable")
            #expect(decision.bucket == nil)
        }
        for unit in [" ", "\u{0}", "\n"] { #expect(handle.decision(for: unit).reason == .split) }
    }

    @Test(
        "Texts that look alike are different units",
        arguments: [
            ("caf\u{E9}", "cafe\u{301}"), ("K", "\u{212A}"), ("alice", "Alice"), ("alice", "alice "), ("42", "042"),
        ]
    )
    func twins(left: String, right: String) throws {
        let handle = try handle(forced: [UnitID(left): .canary])
        #expect(handle.decision(for: left).reason == .forced)
        #expect(handle.decision(for: right).reason == .split)
        #expect(try self.handle().decision(for: left).bucket != self.handle().decision(for: right).bucket)
        #expect(UnitID(left) != UnitID(right))
        #expect(HashedUnit(left) != HashedUnit(right))
    }

    /// Without the word before the salt, equal texts cancelled each other out: bucket 0, and so in every canary.
    @Test("A unit that is named like the salt is drawn like any other")
    func namedLikeSalt() throws {
        let names = (0..<100).map { "rollout-\($0)" }
        let buckets = try names.map { name in try bucket(of: name, under: name) }
        #expect(Set(buckets).count > 90)
        #expect(buckets.count { $0 < 100_000 } < 30, "a canary of 10 % gets its share of them")
    }

    @Test("Unit a under salt b does not draw as unit b under salt a")
    func salts() throws {
        for index in 0..<20 {
            let (a, b) = ("a\(index)", "b\(index)")
            #expect(try bucket(of: a, under: b) != bucket(of: b, under: a))
        }
    }

    private func bucket(of unit: String, under salt: String) throws -> Int {
        let strategy = RolloutStrategy.canary(.percent(10), stable: ["app": "1"], canary: ["app": "2"])
        let definition = RolloutDefinition(strategy, salt: salt)
        let router = try RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: ["r": definition]))
        return try #require(router.rollout("r")?.decision(for: unit).bucket)
    }

    @Test("Bytes that are not UTF-8 are a unit too")
    func invalidText() throws {
        let handle = try handle(forced: ["\u{FFFD}": .canary])
        let bytes: [UInt8] = [0xFF, 0xFE, 0x00]
        #expect(handle.decision(for: bytes.span).reason == .split)
        #expect(handle.decision(for: ([0xFF] as [UInt8]).span).reason == .split)
    }
}
