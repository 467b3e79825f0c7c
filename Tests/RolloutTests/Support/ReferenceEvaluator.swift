import Rollout

@testable import protocol Rollout.BlockHash
@testable import struct Rollout.HostName
@testable import struct Rollout.LeadingBits
@testable import struct Rollout.Murmur3
@testable import struct Rollout.SHA1
@testable import struct Rollout.WordFeed
@testable import enum Rollout.XXH3

/// What a policy decides, found the slow and obvious way: texts compared byte by byte, ranges walked one by one, the
/// precedence written as one column of ifs.
///
/// It shares nothing with the engine but the hashes, which have vectors of their own.
struct ReferenceEvaluator {
    let policy: RolloutPolicy

    /// What a request brings.
    struct Request: CustomStringConvertible {
        var unit: String?
        var host: String?
        var held: Held?

        var description: String {
            "unit \(unit.debugDescription), host \(host.debugDescription), held \(held.map { "\($0)" } ?? "nothing")"
        }
    }

    /// What an assignment says.
    struct Held {
        var variant: VariantName?
        var rollout: RolloutID
        var bucket: Int?
        var epoch: UInt32

        var assignment: Assignment? {
            Assignment(variant: variant, of: rollout, bucket: bucket, epoch: epoch, revision: 0)
        }
    }

    /// A decision, spelled out.
    struct Answer: Equatable {
        var variant: VariantName
        var release: Release
        var reason: String
        var bucket: Int?
        var shadow: VariantName?
        var shadowRelease: Release?
        var revision: UInt32
        var epoch: UInt32
    }

    func answer(_ request: Request, in id: RolloutID) -> Answer? {
        guard let rollout = policy.rollouts[id] else { return nil }
        return RolloutOracle(id: id, rollout: rollout, revision: policy.revision).answer(request)
    }
}

extension ReferenceEvaluator.Answer {
    init(_ decision: Decision) {
        variant = decision.variant.name
        release = decision.variant.release
        reason = decision.reason.description
        bucket = decision.bucket
        shadow = decision.shadow?.name
        shadowRelease = decision.shadow?.release
        revision = decision.revision
        epoch = decision.epoch
    }
}

/// The hash contract in arithmetic that cannot overflow.
enum ReferenceBucketing {
    static func bucket(unit: String, salt: String) -> Int {
        let salted = XXH3.hash(unit) ^ XXH3.hash("rollout\u{0}" + salt)
        let product = UInt128(salted) * 0x9E37_79B9_7F4A_7C15
        let point = UInt64(product >> 64) ^ UInt64(product % (1 << 64))
        return Int((UInt128(point) * 1_000_000) >> 64)
    }

    /// The bucket of a stated bucketing, of those that `RandomPolicy` states, or nil if there is none.
    static func bucket(unit: String, _ bucketing: Bucketing) -> Int? {
        let text = bucketing.text.split(separator: "{unit}", omittingEmptySubsequences: false).joined(separator: unit)
        if bucketing.hash == .integer {
            guard let buckets = bucketing.buckets, let value = Int128(unit), String(value) == unit,
                Int128(Int64.min)...Int128(UInt64.max) ~= value
            else { return nil }
            let count = Int128(buckets)
            return Int(((value % count + count) % count) * 1_000_000 / count)
        }
        var (number, width): (UInt128, UInt128)
        switch bucketing.hash {
        case .java31:
            number = UInt128(text.utf16.reduce(into: UInt32(0)) { $0 = $0 &* 31 &+ UInt32($1) } ^ bucketing.seed)
            width = 32
        case .sha1:
            let bits = hash(SHA1(), text)
            number = (UInt128(bits.high) << 64 | UInt128(bits.low)) >> UInt128(128 - bucketing.bits)
            width = UInt128(bucketing.bits)
        default: (number, width) = (UInt128(murmur3(text, seed: bucketing.seed)), 32)
        }
        if bucketing.isSigned {
            let signed = Int64(number) < 1 << 31 ? Int64(number) : Int64(number) - 1 << 32
            (number, width) = (UInt128(signed.magnitude), 31)
        }
        if let buckets = bucketing.buckets { return Int((number % UInt128(buckets)) * 1_000_000 / UInt128(buckets)) }
        // The upper and the lower half apart, because the product has more than 128 bits.
        let (high, low) = (number >> 64, number & UInt128(UInt64.max))
        let middle = high * 1_000_000 + (low * 1_000_000) >> 64
        let bucket = width <= 64 ? (low * 1_000_000) >> width : middle >> (width - 64)
        return bucket < 1_000_000 ? Int(bucket) : nil
    }

    private static func hash(_ hash: some BlockHash, _ text: String) -> LeadingBits {
        unsafe Array(text.utf8).withUnsafeBytes { bytes in unsafe hash.value(of: bytes) }
    }

    private static func murmur3(_ text: String, seed: UInt32) -> UInt32 {
        var hash = WordFeed(Murmur3(seed: seed))
        for byte in text.utf8 { hash.append(UInt64(byte), count: 1) }
        return hash.value
    }
}

private struct RolloutOracle {
    let id: RolloutID
    let rollout: RolloutDefinition
    let revision: UInt32

    func answer(_ request: ReferenceEvaluator.Request) -> ReferenceEvaluator.Answer {
        let unit = request.unit == "" ? nil : request.unit
        if let host = request.host.flatMap(normalized) {
            for (ruled, variant) in rollout.hosts where bytes(ruled.text) == host {
                return rule(variant, "host", unit)
            }
        }
        if let unit {
            for (forced, variant) in rollout.forced where bytes(forced.text) == bytes(unit) {
                return rule(variant, "forced", unit)
            }
        }
        if !draws { return plain(first, "fixed", nil, copiedFor: unit) }
        if let held = request.held {
            if held.epoch > rollout.epoch { return plain(first, "stale", nil) }
            if held.epoch == rollout.epoch, pin == .variant, let variant = held.variant, held.rollout == id,
                keepsAssignments(variant)
            {
                return plain(variant, "sticky", held.bucket)
            }
            if unit == nil, let bucket = held.bucket {
                if held.epoch == rollout.epoch, pin == .bucket { return drawn(bucket, enrolled: "sticky") }
                if rollout.missingUnit == .assign { return drawn(bucket, enrolled: "split") }
            }
        }
        guard let unit else { return plain(first, "missing_unit", nil) }
        for draw in rollout.enrolment {
            guard let bucket = bucket(of: unit, in: draw), draw.ranges.contains(where: { $0.contains(bucket) }) else {
                return plain(first, "not_enrolled", nil)
            }
        }
        guard let bucketing = rollout.bucketing else {
            return drawn(ReferenceBucketing.bucket(unit: unit, salt: salt), enrolled: "split")
        }
        guard let bucket = ReferenceBucketing.bucket(unit: unit, bucketing) else {
            return plain(first, "not_enrolled", nil)
        }
        return drawn(bucket, enrolled: "split")
    }

    private func bucket(of unit: String, in draw: EnrolmentDraw) -> Int? {
        if let bucketing = draw.bucketing { return ReferenceBucketing.bucket(unit: unit, bucketing) }
        let salt = draw.salt ?? "\u{0}layer\u{0}" + (draw.layer?.text ?? "")
        return ReferenceBucketing.bucket(unit: unit, salt: salt)
    }

    // MARK: The rollout

    private var salt: String { rollout.salt ?? id.text }
    private var first: VariantName { rollout.strategy.variants[0].name }
    private var pin: StickyCookie.Pin { rollout.sticky?.pin ?? .variant }

    private var draws: Bool {
        switch rollout.strategy {
        case .canary, .abTest: true
        case .fixed, .shadow: false
        }
    }

    /// Owner, first bucket, bucket after the last.
    private var ranges: [(owner: VariantName, from: Int, to: Int)] {
        switch rollout.strategy {
        case .fixed, .shadow: return []
        case .canary(let share, _, _):
            // Of few buckets the canary has whole ones: each that begins below its share.
            let count = rollout.bucketing?.buckets ?? 1_000_000
            let end = (share.buckets * count + 999_999) / 1_000_000 * 1_000_000 / count
            return [("canary", 0, end), ("stable", end, 1_000_000)]
        case .abTest(let test):
            if let written = test.allocation {
                return written.compactMap { range in
                    range.variant.map { ($0, range.buckets.lowerBound, range.buckets.upperBound) }
                }
            }
            var from = 0
            return zip(test.variants, ReferenceEvaluator.largestRemainder(test)).map { variant, count in
                defer { from += count }
                return (variant.name, from, from + count)
            }
        }
    }

    private func keepsAssignments(_ variant: VariantName) -> Bool {
        guard rollout.strategy.variants.contains(where: { $0.name == variant }) else { return false }
        if rollout.disabled.contains(variant) { return false }
        return rollout.draining.contains(variant) || ranges.contains { $0.owner == variant && $0.from < $0.to }
    }

    // MARK: Answers

    private func rule(_ variant: VariantName, _ reason: String, _ unit: String?) -> ReferenceEvaluator.Answer {
        if rollout.disabled.contains(variant) { return plain(first, "not_enrolled", nil) }
        let exists = rollout.strategy.variants.contains { $0.name == variant }
        return plain(exists ? variant : first, reason, nil, copiedFor: unit)
    }

    private func drawn(_ bucket: Int, enrolled reason: String) -> ReferenceEvaluator.Answer {
        for range in ranges where range.from <= bucket && bucket < range.to {
            if rollout.disabled.contains(range.owner) || rollout.draining.contains(range.owner) { break }
            return plain(range.owner, reason, bucket)
        }
        return plain(first, "not_enrolled", bucket)
    }

    private func plain(
        _ variant: VariantName,
        _ reason: String,
        _ bucket: Int?,
        copiedFor unit: String? = nil
    ) -> ReferenceEvaluator.Answer {
        let variants = rollout.strategy.variants
        var answer = ReferenceEvaluator.Answer(
            variant: variant,
            release: variants.first { $0.name == variant }?.release ?? [:],
            reason: reason,
            bucket: bucket,
            revision: revision,
            epoch: rollout.epoch
        )
        if let unit, case .shadow(let share, _, let shadow) = rollout.strategy, !rollout.disabled.contains("shadow"),
            !rollout.draining.contains("shadow"),
            ReferenceBucketing.bucket(unit: unit, salt: salt + "\u{0}shadow") < share.buckets
        {
            answer.shadow = "shadow"
            answer.shadowRelease = shadow
        }
        return answer
    }

    // MARK: Texts

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// Lower case, then no port, then no trailing dot; nil for what is longer than a host may be.
    private func normalized(_ header: String) -> [UInt8]? {
        var host = header.utf8.map { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }
        let colons = host.indices.filter { host[$0] == UInt8(ascii: ":") }
        if let colon = colons.last, host[(colon + 1)...].allSatisfy({ (0x30...0x39).contains($0) }) {
            let isBracketed = colon > 0 && host[colon - 1] == UInt8(ascii: "]")
            if isBracketed || colons.count == 1 { host.removeSubrange(colon...) }
        }
        if host.last == UInt8(ascii: ".") { host.removeLast() }
        return host.count > 1_024 ? nil : host
    }
}

extension ReferenceEvaluator {
    /// Everybody's exact part rounded down; the buckets left over go one by one to the largest fraction that has none yet.
    static func largestRemainder(_ test: RolloutStrategy.ABTest) -> [Int] {
        let sum = test.variants.map(\.weight).reduce(0, +)
        var counts = test.variants.map { test.coverage.buckets * $0.weight / sum }
        var fractions = test.variants.map { test.coverage.buckets * $0.weight % sum }
        while counts.reduce(0, +) < test.coverage.buckets {
            var best = 0
            for index in fractions.indices where fractions[index] > fractions[best] { best = index }
            counts[best] += 1
            fractions[best] = -1
        }
        return counts
    }
}
