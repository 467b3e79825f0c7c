import Testing

@testable import Rollout

@Suite("Limits of the policy document")
struct PolicyLimitTests {
    private static let fixed = RolloutDefinition(.fixed(["app": "1"]))
    private static let canary = RolloutStrategy.canary(.percent(1), stable: ["app": "1"], canary: ["app": "2"])

    /// What is wrong with a policy of one rollout.
    private func problems(_ definition: RolloutDefinition) -> [PolicyProblem] {
        problems(RolloutPolicy(revision: 1, rollouts: ["r": definition]))
    }

    private func problems(_ policy: RolloutPolicy) -> [PolicyProblem] {
        do throws(PolicyError) {
            try policy.validate()
            return []
        } catch {
            return error.problems
        }
    }

    private func expect(
        _ problems: [PolicyProblem],
        _ code: PolicyProblem.Code,
        _ path: String,
        _ message: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let expected = ["\(code) \(path): \(message)"]
        #expect(problems.map { "\($0.code) \($0.path): \($0.message)" } == expected, sourceLocation: sourceLocation)
    }

    @Test("10,000 rollouts are valid, 10,001 are not")
    func rollouts() throws {
        var policy = RolloutPolicy(revision: 1, rollouts: [:])
        for number in 0..<10_000 { policy.rollouts[try #require(RolloutID("r\(number)"))] = Self.fixed }
        #expect(problems(policy).isEmpty)
        policy.rollouts["one-more"] = Self.fixed
        expect(problems(policy), .tooMany, "rollouts", "expected at most 10,000 rollouts, found 10,001")
        let error = #expect(throws: PolicyError.self) { try RolloutPolicy(json: policy.json) }
        #expect(error?.problems.map(\.code) == [.tooMany])
        #expect(error?.problems.first?.line == 1)
    }

    @Test("A policy whose JSON would be above 16 MiB is refused, because nobody could read it again")
    func writtenSize() throws {
        // One byte of a unit, but six of JSON.
        var rollout = RolloutDefinition(Self.canary)
        for number in 0..<2_700 {
            let unit = "\(number)" + .letters(1_024 - "\(number)".utf8.count, "\u{1}")
            rollout.forced[UnitID(unit)] = .canary
        }
        let policy = RolloutPolicy(revision: 1, rollouts: ["r": rollout])
        for number in 2_700..<2_740 {
            rollout.forced[UnitID("\(number)" + .letters(1_020, "\u{1}"))] = .canary
        }
        let larger = RolloutPolicy(revision: 1, rollouts: ["r": rollout])
        let found = problems(larger)
        #expect(found.map(\.code) == [.tooLarge])
        let problem = try #require(found.first)
        #expect(problem.path.isEmpty)
        let message = "expected a policy of at most 16,777,216 bytes as JSON, found "
        #expect(problem.message.hasPrefix(message))
        // To look at the one below the limit, and to write both, takes a debug build seconds.
        if StressEffort.isLong {
            #expect(problems(policy).isEmpty)
            #expect(try RolloutPolicy(json: policy.json) == policy)
            let bytes = larger.json.utf8.count
            let count = "\(bytes / 1_000_000),\(String(bytes / 1_000 % 1_000 + 1_000).dropFirst()),"
            #expect(problem.message.hasPrefix(message + count))
        }
    }

    @Test("256 variants are valid, 257 are not")
    func variants() throws {
        var variants = try (0..<256).map { number in
            WeightedVariant(try #require(VariantName("v\(number)")), weight: 1, release: ["app": "1"])
        }
        #expect(problems(RolloutDefinition(.abTest(variants))).isEmpty)
        variants.append(WeightedVariant("one-more", weight: 1, release: ["app": "1"]))
        expect(
            problems(RolloutDefinition(.abTest(variants))),
            .tooMany,
            "rollouts.r.strategy.variants",
            "expected at most 256 variants, found 257"
        )
    }

    @Test("1,024 ranges are valid, 1,025 are not")
    func ranges() {
        func definition(_ count: Int) -> RolloutDefinition {
            let ranges = (0..<count).map { index in
                AllocatedRange("a", index..<(index == count - 1 ? 1_000_000 : index + 1))
            }
            let variants = [WeightedVariant("a", weight: 1, release: ["app": "1"])]
            return RolloutDefinition(.abTest(.init(variants, allocation: ranges)))
        }
        #expect(problems(definition(1_024)).isEmpty)
        expect(
            problems(definition(1_025)),
            .tooMany,
            "rollouts.r.strategy.allocation",
            "expected at most 1,024 ranges, found 1,025"
        )
    }

    @Test("1,000 hosts are valid, 1,001 are not")
    func hosts() {
        var definition = RolloutDefinition(Self.canary)
        for number in 0..<1_000 { definition.hosts[HostName("h\(number)")] = .canary }
        #expect(problems(definition).isEmpty)
        definition.hosts["one-more"] = .canary
        expect(problems(definition), .tooMany, "rollouts.r.hosts", "expected at most 1,000 hosts, found 1,001")
    }

    @Test("100,000 forced units are valid, 100,001 are not")
    func forced() {
        var definition = RolloutDefinition(Self.canary)
        for number in 0..<100_000 { definition.forced[UnitID(number)] = .canary }
        #expect(problems(definition).isEmpty)
        definition.forced["one-more"] = .canary
        expect(
            problems(definition),
            .tooMany,
            "rollouts.r.forced",
            "expected at most 100,000 forced units, found 100,001"
        )
    }

    @Test("Texts of 1,024 bytes are valid, of 1,025 not", arguments: ["x", "\u{E9}", "\u{1F469}"])
    func texts(character: String) {
        let fitting = String(repeating: character, count: 1_024 / character.utf8.count)
        let host = String(repeating: "h", count: 1_024)
        var definition = RolloutDefinition(Self.canary, salt: fitting, hosts: [HostName(host): .canary])
        definition.forced[UnitID(fitting)] = .canary
        var policy = RolloutPolicy(revision: 1, environment: fitting, rollouts: ["r": definition])
        #expect(problems(policy).isEmpty)

        let long = fitting + "x"
        policy.environment = long
        definition.salt = long
        definition.hosts = [HostName(host + "h"): .canary]
        definition.forced = [UnitID(long): .canary]
        policy.rollouts["r"] = definition
        #expect(problems(policy).map(\.code) == [.badText, .badText, .badHost, .badText])
    }

    @Test("Versions of 128 characters, names of 64 and ages of 400 days are the longest")
    func smallLimits() {
        #expect(problems(RolloutDefinition(.fixed(["app": String(repeating: "~", count: 128)]))).isEmpty)
        let long = problems(RolloutDefinition(.fixed(["app": String(repeating: "~", count: 129)])))
        #expect(long.map(\.code) == [.badVersion])
        #expect(RolloutID(String(repeating: "n", count: 64)) != nil)
        #expect(RolloutID(String(repeating: "n", count: 65)) == nil)
        for (age, isValid) in [(59, false), (60, true), (34_560_000, true), (34_560_001, false), (Int.max, false)] {
            let sticky = StickyCookie(name: String(repeating: "c", count: 4_040), maxAge: age)
            #expect(problems(RolloutDefinition(Self.canary, sticky: sticky)).isEmpty == isValid, "\(age)")
        }
    }

    @Test("A weight of 1,000,000 is the largest", arguments: [(-1, false), (1_000_000, true), (1_000_001, false)])
    func weights(weight: Int, isValid: Bool) {
        let variant = WeightedVariant("a", weight: weight, release: ["app": "1"])
        #expect(problems(RolloutDefinition(.abTest([variant]))).isEmpty == isValid)
    }

    @Test("The text may have 16 MiB")
    func documentSize() throws {
        func codes(_ bytes: some Sequence<UInt8>) -> [PolicyProblem.Code]? {
            #expect(throws: PolicyError.self) { try RolloutPolicy(json: bytes) }?.problems.map(\.code)
        }
        // Wrong at the first byte, which is as far as it is read.
        let letters = [UInt8](repeating: UInt8(ascii: "x"), count: 16 << 20)
        #expect(codes(letters) == [.syntax])
        #expect(codes(letters + [0]) == [.tooLarge])
        // Bytes that lie in no block, and that have no end.
        let policy = RolloutPolicy(revision: 1, rollouts: ["r": Self.fixed])
        #expect(try RolloutPolicy(json: AnySequence(policy.json.utf8)) == policy)
        // To read all of them takes a debug build seconds.
        if StressEffort.isLong {
            #expect(codes(sequence(first: 0 as UInt8) { $0 }) == [.tooLarge])
            let spaces = String.letters(16 << 20 - policy.json.utf8.count, " ")
            #expect(try RolloutPolicy(json: policy.json + spaces) == policy)
        }
    }

    @Test("Of more than 100,000 problems the first are listed, and one that says so")
    func problemBudget() {
        var problems = ProblemList()
        for _ in 0..<100_000 { problems.report(.syntax, at: "", "") }
        #expect(!problems.isFull && problems.all.allSatisfy { $0.code == .syntax })
        for _ in 0..<2 { problems.report(.syntax, at: "", "") }
        #expect(problems.isFull && problems.all.count == 100_001 && problems.all.last?.code == .tooMany)
    }

    @Test("Long units do not make a long text of a policy built in code")
    func longUnits() {
        var rollout = RolloutDefinition(Self.canary)
        for number in 0..<3 { rollout.forced[UnitID(.letters((6 << 20) + number, "u"))] = "gone" }
        // Apart from the problems, whose texts are long: an expectation describes what it is about.
        let found = problems(rollout)
        let (codes, lastPath) = (found.map(\.code), found.last?.path)
        #expect(codes == [.badText, .unknownVariant, .badText, .tooMany])
        #expect(lastPath == "")
    }

    @Test("One long key does not make a long text of every problem in it")
    func longKey() {
        let key = String.letters(4 << 20, "k")
        let members = Array(repeating: #""a":1"#, count: 1_000).joined(separator: ",")
        var codes: [PolicyProblem.Code] = []
        do throws(PolicyError) {
            _ = try RolloutPolicy(json: #"{"schema":1,"revision":1,"rollouts":{},"\#(key)":{\#(members)}}"#)
        } catch {
            codes = error.problems.map(\.code)
        }
        #expect(codes.first == .tooMany)
        #expect(codes.count == 5)
    }

    @Test("A text of 100 MB is refused unread")
    func hugeText() {
        let error = #expect(throws: PolicyError.self) {
            try RolloutPolicy(json: [UInt8](repeating: 0xFF, count: 100_000_000))
        }
        #expect(error?.problems.map(\.code) == [.tooLarge])
        #expect(error?.problems.first?.message == "expected at most 16,777,216 bytes of text, found more")
    }

    @Test("100,000 levels are refused at the first too deep", arguments: ["[", #"{"rollouts":"#])
    func depth(opening: String) {
        let error = #expect(throws: PolicyError.self) {
            try RolloutPolicy(json: String(repeating: opening, count: 100_000))
        }
        #expect(error?.problems.map(\.code) == [.tooDeep])
        #expect(error?.problems.first?.column == 32 * opening.count + 1)
    }
}
