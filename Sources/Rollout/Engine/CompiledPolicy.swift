import Synchronization

/// A policy with the words the engine runs on; what a snapshot holds.
///
/// Unchecked, because of the pointer: nothing is written after `init`, and the memory goes with the object.
@safe final class CompiledPolicy: @unchecked Sendable {
    let policy: RolloutPolicy
    /// The policy's SHA-256.
    let digest: PolicyDigest
    /// When it was applied, in Unix seconds by the caller's clock.
    let appliedAt: Int64?
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
        appliedAt: Int64?,
        registry: VariantRegistry = .shared,
        cookies: CookieRegistry = .shared
    ) throws(PolicyError) {
        var roster = roster
        let rollouts = policy.rollouts.sorted { $0.key < $1.key }
        let variants = rollouts.map { id, definition in
            definition.strategy.variants.map { VariantRecord(rollout: id, name: $0.name, release: $0.release) }
        }
        let rules = rollouts.map { $0.value.cookieRules(of: $0.key) }
        let (cookies, registered) = try cookies.intern(rules) { () throws(PolicyError) in
            guard let registered = registry.intern(variants.flatMap(\.self)) else {
                throw PolicyError(PolicyProblem.tooManyVariants)
            }
            return registered
        }
        var offset = 0
        let compilers = zip(zip(rollouts, cookies), variants).map { rollout, variants in
            let (rollout, cookie) = rollout
            defer { offset += variants.count }
            let variants = Array(registered[offset..<(offset + variants.count)])
            roster.enrol(rollout.key, first: variants[0].number)
            return RolloutCompiler(id: rollout.key, definition: rollout.value, variants: variants, cookie: cookie)
        }
        self.policy = policy
        self.digest = PolicyDigest(of: policy)
        self.appliedAt = appliedAt
        self.roster = roster
        let all = roster.count == compilers.count ? [] : Set(0..<roster.count)
        self.retired = all.subtracting(compilers.compactMap { roster[$0.id] })
        self.words = Self.words(compilers, roster, retired, revision: policy.revision)
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
        _ compilers: [RolloutCompiler],
        _ roster: Roster,
        _ retired: Set<Int>,
        revision: UInt32
    ) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: roster.count * RecordLayout.size)
        for compiler in compilers {
            guard let ordinal = roster[compiler.id] else { continue }
            compiler.compile(into: &words, at: ordinal * RecordLayout.size, revision: revision)
        }
        for ordinal in retired {
            let start = ordinal * RecordLayout.size
            RolloutCompiler.retire(roster.first(at: ordinal), into: &words, at: start, revision: revision)
        }
        return words
    }
}

extension RolloutDefinition {
    /// The cookie that sessions keep, or nil for none; where nothing is drawn there is nothing to remember.
    fileprivate func cookieRules(of id: RolloutID) -> CookieRecord.Rules? {
        guard strategy.draws, let sticky else { return nil }
        return CookieRecord.Rules(rollout: id, cookie: sticky, assignsMissing: missingUnit == .assign)
    }
}

/// The rollouts a router has ever served, each at the ordinal that its handles hold. Ordinals are never reused.
struct Roster: Sendable {
    private var ordinals: [RolloutID: Int] = [:]
    private var firsts: [VariantNumber] = []

    var count: Int { firsts.count }

    subscript(id: RolloutID) -> Int? { ordinals[id] }

    /// The first variant that the rollout last had.
    func first(at ordinal: Int) -> VariantNumber { firsts[ordinal] }

    mutating func enrol(_ id: RolloutID, first: VariantNumber) {
        if let ordinal = ordinals[id] {
            // A roster that stays as it is shares its memory with the one before.
            if firsts[ordinal] != first { firsts[ordinal] = first }
        } else {
            ordinals[id] = firsts.count
            firsts.append(first)
        }
    }
}
