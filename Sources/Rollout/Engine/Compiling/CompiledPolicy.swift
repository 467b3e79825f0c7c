import Synchronization

/// A policy with the words the engine runs on; what a snapshot holds.
///
/// Unchecked, because of the pointer: nothing is written after `init`, and the memory goes with the object.
@safe final class CompiledPolicy: @unchecked Sendable {
    let policy: RolloutPolicy
    /// The policy's SHA-256.
    let digest: PolicyDigest
    /// When it was applied, in Unix seconds by the caller's clock.
    let appliedAt: UnixTime
    /// The place of every rollout the router ever served.
    let roster: Roster
    let words: [UInt64]
    /// The ordinals of the rollouts that are no longer in the policy.
    private let retired: Set<Int>

    private let memory: UnsafeMutablePointer<Atomic<UInt64>>
    private let exponent: Int

    /// Compiles a valid policy.
    ///
    /// - Throws: `PolicyError` where the process already knows too many variants or cookies for the new ones to fit; then
    ///   none of them was registered.
    init(
        _ policy: RolloutPolicy,
        after roster: Roster,
        appliedAt: UnixTime,
        registry: VariantRegistry = .shared,
        cookies: CookieRegistry = .shared
    ) throws(PolicyError) {
        let ids = policy.rollouts.keys.sorted()
        var roster = roster
        try roster.enrol(ids, of: policy, in: registry, cookies)
        self.policy = policy
        self.digest = PolicyDigest(of: policy)
        self.appliedAt = appliedAt
        self.roster = roster
        let all = roster.count == ids.count ? [] : Set(0..<roster.count)
        self.retired = all.subtracting(ids.compactMap { roster[$0] })
        self.words = Self.words(policy, ids, roster, retired)
        self.exponent = SnapshotCell.exponent(for: words.count)
        unsafe memory = .allocate(capacity: 1 << exponent)
        for index in 0..<(1 << exponent) {
            unsafe (memory + index).initialize(to: Atomic(index < words.count ? words[index] : 0))
        }
    }

    deinit { unsafe memory.deallocate() }

    /// The words as the engine reads them; valid while this object lives.
    var image: PolicyImage { unsafe PolicyImage(words: memory, exponent: exponent) }

    /// The place of a rollout of the policy.
    func ordinal(of id: RolloutID) -> Int? {
        guard let ordinal = roster[id], retired.isEmpty || !retired.contains(ordinal) else { return nil }
        return ordinal
    }

    private static func words(
        _ policy: RolloutPolicy,
        _ ids: [RolloutID],
        _ roster: Roster,
        _ retired: Set<Int>
    ) -> [UInt64] {
        // Room for a canary's tables too, so that a policy of such rollouts is not copied as it grows.
        var words: [UInt64] = []
        words.reserveCapacity(2 * roster.count * RecordLayout.size)
        words.append(contentsOf: repeatElement(0, count: roster.count * RecordLayout.size))
        for id in ids {
            guard let definition = policy.rollouts[id], let ordinal = roster[id] else { continue }
            RolloutCompiler(id, definition, roster[ordinal])
                .compile(into: &words, at: ordinal * RecordLayout.size, revision: policy.revision)
        }
        for ordinal in retired {
            let first = roster[ordinal].variants[0].number
            let start = ordinal * RecordLayout.size
            RolloutCompiler.retire(first, into: &words, at: start, revision: policy.revision)
        }
        return words
    }
}
