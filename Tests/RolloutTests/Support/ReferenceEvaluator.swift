import Rollout

@testable import struct Rollout.HostName
@testable import enum Rollout.XXH3

/// What a policy decides, found the slow and obvious way: texts compared byte by byte, ranges walked one by one, the
/// precedence written as one column of ifs.
///
/// It shares nothing with the engine but the hash, which has vectors of its own.
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
        return drawn(ReferenceBucketing.bucket(unit: unit, salt: salt), enrolled: "split")
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
            return [("canary", 0, share.buckets), ("stable", share.buckets, 1_000_000)]
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
