import Testing

@testable import Rollout

/// Whether buckets look drawn by lot, for units as services have them.
///
/// Seeds and units are fixed, so a verdict never changes from run to run. The stated rate of false alarms is what a change
/// of the hash or of a salt would run: how often perfectly random buckets would fail too. Critical
/// values were computed with `scipy.stats.chi2`: `isf(1e-6, degrees)` and `ppf(1e-6, degrees)`.
///
/// A key is hashed once and drawn from often, as in a service; the cost grows with the number of keys, and a draw on top
/// of one is a multiplication. A million keys take about a second in a debug build.
@Suite("Buckets as a sample", .tags(.statistical))
struct BucketingStatisticsTests {
    /// The keys of 0 ..< 1,000,000 as units.
    private static let keys = (0..<1_000_000).map { number in XXH3.hash(DecimalText(UInt64(number))) }

    private func buckets(_ salt: String) -> [Int] {
        let hash = Bucketing.saltHash(salt)
        return Self.keys.map { Int(Bucketing.bucket(ofKey: $0, saltHash: hash)) }
    }

    /// Sum of (count - expected)^2 / expected.
    private func chiSquare(_ counts: [Int], expected: Double) -> Double {
        counts.reduce(0) { sum, count in sum + (Double(count) - expected) * (Double(count) - expected) / expected }
    }

    /// 9,999 degrees of freedom, too uneven or too even: one false alarm in 500,000.
    private static let plausible = 9_341.14...10_685.65

    // MARK: Even

    enum Units: String, CaseIterable, Sendable {
        case sequential, prefixed, padded, uuid

        func text(_ number: Int, _ generator: inout SplitMix64) -> String {
            switch self {
            case .sequential: return "\(number)"
            case .prefixed: return "user-\(number)"
            case .padded: return String(repeating: "0", count: 12 - "\(number)".count) + "\(number)"
            case .uuid:
                // Version 4: 122 random bits.
                let (high, low) = (hexadecimal(generator.next()), hexadecimal(generator.next()))
                return "\(high.prefix(8))-\(high.dropFirst(8).prefix(4))-4\(high.suffix(3))"
                    + "-9\(low.prefix(3))-\(low.suffix(12))"
            }
        }
    }

    /// 4 kinds x 2 salts: one false alarm in 60,000 for all together. 100,000 units are ten to each cell.
    @Test("Every kind of unit fills 10,000 cells evenly", arguments: Units.allCases)
    func uniformity(units: Units) {
        var generator = SplitMix64(seed: 7)
        let keys = (0..<100_000).map { XXH3.hash(units.text($0, &generator)) }
        for salt in ["sms", "sms-2026-11"] {
            let hash = Bucketing.saltHash(salt)
            var counts = [Int](repeating: 0, count: 10_000)
            for key in keys { counts[Int(Bucketing.bucket(ofKey: key, saltHash: hash)) / 100] += 1 }
            let value = chiSquare(counts, expected: 10)
            #expect(Self.plausible.contains(value), "\(units), salt \(salt)")
        }
    }

    /// One false alarm in 170,000.
    @Test("A million sequential integers fill 10,000 cells evenly", arguments: ["sms", "a", "a\u{0}shadow"])
    func sequential(salt: String) {
        var counts = [Int](repeating: 0, count: 10_000)
        for bucket in buckets(salt) { counts[bucket / 100] += 1 }
        #expect(Self.plausible.contains(chiSquare(counts, expected: 100)))
    }

    // MARK: Exact

    /// 9 shares within 4 sigma: one false alarm in 1,700.
    @Test("Realised shares are within 4 sigma of a million units")
    func shares() {
        let buckets = buckets("shares")
        for share in [1, 100, 10_000, 50_000, 100_000, 250_000, 333_333, 500_000, 900_000] {
            let count = buckets.reduce(0) { $1 < share ? $0 + 1 : $0 }
            let part = Double(share) / 1_000_000
            let sigma = (1_000_000 * part * (1 - part)).squareRoot()
            #expect((Double(count) - 1_000_000 * part).magnitude <= 4 * sigma, "\(share): \(count)")
        }
    }

    /// What the router answers, end to end. 4 shares within 4 sigma: one false alarm in 4,000.
    @Test("A router gives its variants their shares")
    func routerShares() throws {
        let names: [VariantName] = ["a", "b", "c"]
        let variants = zip(names, [1, 2, 5]).map { WeightedVariant($0, weight: $1, release: ["app": $0.text]) }
        let strategy = RolloutStrategy.abTest(variants, coverage: .percent(80))
        let policy = RolloutPolicy(revision: 1, rollouts: ["r": RolloutDefinition(strategy)])
        let handle = try #require(try RolloutRouter(policy: policy).rollout("r"))
        var counts: [String: Int] = [:]
        let units = 50_000
        for unit in 0..<units {
            let decision = handle.decision(for: unit)
            counts[decision.reason == .split ? decision.variant.name.text : "out", default: 0] += 1
        }
        for (name, part) in [("a", 0.1), ("b", 0.2), ("c", 0.5), ("out", 0.2)] {
            let sigma = (Double(units) * part * (1 - part)).squareRoot()
            #expect((Double(counts[name, default: 0]) - Double(units) * part).magnitude <= 4 * sigma, "\(counts)")
        }
    }

    // MARK: Independent

    /// Joint cells of 1 % by 1 % over a million units, 100 to each: one false alarm in 100,000 for the five pairs.
    @Test(
        "The draws of two salts are independent, and so is the shadow's",
        arguments: [
            ("sms", "ui"), ("sms-1", "sms-2"), ("a", "b"), ("sms", "sms\u{0}shadow"), ("ui", "sms\u{0}shadow"),
        ]
    )
    func salts(left: String, right: String) {
        #expect(Bucketing.derivedSalt("sms", "shadow") == "sms\u{0}shadow")
        var counts = [Int](repeating: 0, count: 10_000)
        let (left, right) = (buckets(left), buckets(right))
        for index in left.indices { counts[left[index] / 10_000 * 100 + right[index] / 10_000] += 1 }
        #expect(Self.plausible.contains(chiSquare(counts, expected: 100)))
    }

    /// A canary of 10 % against a test of 1 : 1 : 2, and both against the sample of a shadow: 5 degrees of freedom for the
    /// 2 x 3 cells less one, so 35.88 is passed by one in 1,000,000 (and the last pair, with 3 degrees, by fewer).
    @Test("Two strategies and the sample of a shadow are independent")
    func strategies() {
        func check(_ left: [Bool], _ right: [Int], share: Double, _ parts: [Double]) {
            var counts = [Int](repeating: 0, count: 2 * parts.count)
            for index in left.indices { counts[(left[index] ? parts.count : 0) + right[index]] += 1 }
            var value = 0.0
            for (index, part) in parts.enumerated() {
                value += chiSquare([counts[parts.count + index]], expected: 1_000_000 * share * part)
                value += chiSquare([counts[index]], expected: 1_000_000 * (1 - share) * part)
            }
            #expect(value < 35.88, "\(counts)")
        }
        let canary = buckets("sms").map { $0 < 100_000 }
        let shadow = buckets("ranker\u{0}shadow").map { $0 < 100_000 }
        let test = buckets("recommender").map { $0 < 250_000 ? 0 : $0 < 500_000 ? 1 : 2 }
        check(canary, test, share: 0.1, [0.25, 0.25, 0.5])
        check(shadow, test, share: 0.1, [0.25, 0.25, 0.5])
        check(canary, shadow.map { $0 ? 0 : 1 }, share: 0.1, [0.1, 0.9])
    }
}
