import Rollout

/// The edits that come to the variants, the weights and the coverage of an A/B test that somebody wrote by hand.
///
/// They are made, so it is known how many units they move.
struct EditAdvice: CustomStringConvertible {
    /// The edits as the command line spells them.
    private let words: [String]
    /// How many buckets come to another variant by the edits.
    let moved: Int

    /// Nil if no edits lead from the old rollout to the new one.
    init?(from old: RolloutPolicy, to new: RolloutPolicy, _ id: RolloutID) {
        guard case .abTest(let test) = old.rollouts[id]?.strategy, case .abTest(let target) = new.rollouts[id]?.strategy
        else { return nil }
        var edited = old
        do {
            words = try Self.edit(&edited, id, from: test, to: target)
            // Whatever else the new one says is not an edit's to change.
            edited.rollouts[id]?.disabled = new.rollouts[id]?.disabled ?? []
            edited.rollouts[id]?.draining = new.rollouts[id]?.draining ?? []
            guard case .kept(let movement) = try old.movement(to: edited).rollouts[id] else { return nil }
            moved = movement.moved
        } catch {
            return nil
        }
    }

    /// What to do instead: `with: edit FILE rebalance recommender control=1 treatment=3`.
    var description: String {
        if words.isEmpty { return "if the variants keep the buckets they own, written as their allocation" }
        return "with: " + words.map { "edit FILE \(Self.marked($0))" }.joined(separator: ", then ")
    }

    /// The words, with `--` before the first that would be taken for an option.
    private static func marked(_ words: String) -> String {
        let words = words.split(separator: " ", omittingEmptySubsequences: false)
        let plain = words.prefix { !$0.contains("'") }
        guard let first = plain.firstIndex(where: { $0.first == "-" }) else { return words.joined(separator: " ") }
        return (words[..<first] + ["--"] + words[first...]).joined(separator: " ")
    }

    private static func edit(
        _ policy: inout RolloutPolicy,
        _ id: RolloutID,
        from test: RolloutStrategy.ABTest,
        to target: RolloutStrategy.ABTest
    ) throws(EditError) -> [String] {
        var words: [String] = []
        for variant in test.variants where !target.variants.contains(where: { $0.name == variant.name }) {
            try policy.removeVariant(variant.name, from: id)
            words.append("remove \(id) \(variant.name)")
        }
        var weights: [VariantName: Int] = [:]
        for variant in target.variants {
            if let present = test.variants.first(where: { $0.name == variant.name }) {
                if present.weight != variant.weight { weights[variant.name] = variant.weight }
            } else {
                try policy.addVariant(variant, to: id)
                words.append("add \(id) \(variant.name) \(variant.weight) " + versions(of: variant.release))
            }
        }
        if !weights.isEmpty {
            try policy.rebalance(id, weights: weights)
            let pairs = target.variants.compactMap { variant in weights[variant.name].map { "\(variant.name)=\($0)" } }
            words.append("rebalance \(id) " + pairs.joined(separator: " "))
        }
        if test.coverage != target.coverage {
            try policy.setCoverage(of: id, to: target.coverage)
            words.append("coverage \(id) \(target.coverage.percentText)")
        }
        return words
    }

    /// The components of a release as words of a shell.
    private static func versions(of release: Release) -> String {
        release.versions.sorted { $0.key < $1.key }.map { component, version in
            let isPlain = version.utf8.allSatisfy { byte in
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || UInt8(ascii: "-")...UInt8(ascii: "9") ~= byte
            }
            let parts = version.split(separator: "'", omittingEmptySubsequences: false)
            return "\(component)=" + (isPlain ? version : "'" + parts.joined(separator: "'\\''") + "'")
        }.joined(separator: " ")
    }
}
