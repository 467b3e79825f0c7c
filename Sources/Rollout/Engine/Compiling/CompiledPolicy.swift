import Synchronization

/// A policy with the words the engine runs on; what a snapshot holds.
///
/// Unchecked because of the pointer. Nothing is written after `init`, and the memory goes with the object.
@safe final class CompiledPolicy: @unchecked Sendable {
    let policy: RolloutPolicy
    /// The policy's SHA-256.
    let digest: PolicyDigest
    /// When it was applied, by the caller's clock.
    let appliedAt: UnixTime
    /// The rollouts that the router knows, and their seats.
    let roster: Roster
    /// The variants that this process no longer serves, even if the policy does.
    let stops: Stops
    let words: [UInt64]
    /// The seats whose rollouts the policy lacks.
    private let absent: Set<Int>

    private let memory: UnsafeMutablePointer<Atomic<UInt64>>
    private let exponent: Int

    /// Compiles a valid policy.
    ///
    /// - Throws: `PolicyError` if the process already knows too many variants or cookies for the new ones to fit, or the
    ///   router too many removed rollouts; then nothing was registered.
    convenience init(
        _ policy: RolloutPolicy,
        after roster: Roster,
        without stops: Stops = Stops(),
        appliedAt: UnixTime,
        registry: VariantRegistry = .shared,
        cookies: CookieRegistry = .shared
    ) throws(PolicyError) {
        let ids = policy.rollouts.keys.sorted()
        var roster = roster
        try roster.enrol(ids, of: policy, in: registry, cookies)
        let (words, absent) = Self.compile(policy, ids, roster, stops)
        self.init(policy, PolicyDigest(of: policy), appliedAt: appliedAt, roster, stops, words, absent)
    }

    /// What a router runs before it has a policy: no rollouts, revision 0.
    convenience init(appliedAt: UnixTime) {
        let policy = RolloutPolicy(revision: 0, rollouts: [:])
        self.init(policy, PolicyDigest(of: policy), appliedAt: appliedAt, Roster(), Stops(), [], [])
    }

    /// The same policy with one more seat, for handles that bring this default.
    ///
    /// O(words); from time to time also O(compiling the policy), to make room for a quarter more seats.
    func seating(_ id: RolloutID, default release: Release, registry: VariantRegistry = .shared) -> CompiledPolicy {
        var roster = roster
        let seat = roster.addSeat(of: id, default: release, in: registry)
        guard roster.capacity == self.roster.capacity else {
            let (words, absent) = Self.compile(policy, policy.rollouts.keys.sorted(), roster, stops)
            return CompiledPolicy(policy, digest, appliedAt: appliedAt, roster, stops, words, absent)
        }
        var (words, absent) = (words, absent)
        if let rollout = ordinal(of: id) {
            Self.copyRecord(of: rollout, to: seat, in: &words)
        } else {
            Self.writeAbsent(seat, roster, policy.revision, in: &words)
            absent.insert(seat)
        }
        return CompiledPolicy(policy, digest, appliedAt: appliedAt, roster, stops, words, absent)
    }

    /// The same policy with other stops. O(compiling the policy).
    func stopping(_ stops: Stops) -> CompiledPolicy {
        let (words, absent) = Self.compile(policy, policy.rollouts.keys.sorted(), roster, stops)
        return CompiledPolicy(policy, digest, appliedAt: appliedAt, roster, stops, words, absent)
    }

    private init(
        _ policy: RolloutPolicy,
        _ digest: PolicyDigest,
        appliedAt: UnixTime,
        _ roster: Roster,
        _ stops: Stops,
        _ words: [UInt64],
        _ absent: Set<Int>
    ) {
        self.policy = policy
        self.digest = digest
        self.appliedAt = appliedAt
        self.roster = roster
        self.stops = stops
        self.words = words
        self.absent = absent
        self.exponent = SnapshotCell.exponent(for: words.count)
        unsafe memory = .allocate(capacity: 1 << exponent)
        for index in 0..<(1 << exponent) {
            unsafe (memory + index).initialize(to: Atomic(index < words.count ? words[index] : 0))
        }
    }

    deinit { unsafe memory.deallocate() }

    /// The words as the engine reads them; valid while this object lives.
    var image: PolicyImage { unsafe PolicyImage(words: memory, exponent: exponent) }

    /// What this process makes of a rollout: the policy's definition, with the stopped variants disabled.
    func served(_ id: RolloutID) -> RolloutDefinition? { policy.served(id, without: stops) }

    /// The seat of a rollout, or nil if the policy lacks it.
    func ordinal(of id: RolloutID) -> Int? {
        guard let ordinal = roster[id], absent.isEmpty || !absent.contains(ordinal) else { return nil }
        return ordinal
    }
}

extension CompiledPolicy {
    /// The variants that a decision by this policy may have, as far as that is decided here: of each rollout that the policy
    /// has all, of each other seat the one that serves in its stead. O(seats and variants).
    var servableVariants: Set<VariantNumber> {
        (0..<roster.count).reduce(into: []) { numbers, seat in
            let variants = roster[seat].variants
            numbers.formUnion((absent.contains(seat) ? variants.prefix(1) : variants[...]).map(\.number))
        }
    }
}

extension RolloutPolicy {
    fileprivate func served(_ id: RolloutID, without stops: Stops) -> RolloutDefinition? {
        guard !stops.isEmpty, var definition = rollouts[id] else { return rollouts[id] }
        // A variant that is gone needs no stop, and one that is the first by now serves in place of all others.
        let names = definition.strategy.variants.dropFirst().map(\.name)
        definition.disabled.formUnion(stops.variants(of: id, at: definition.epoch).filter(names.contains))
        return definition
    }
}

/// A policy digest is computed when somebody first asks: writing and hashing a policy costs more than publishing it.
final class PolicyDigest: Sendable {
    private enum State {
        case policy(RolloutPolicy)
        case text(String)
    }

    private let state: Lock<State>

    init(of policy: RolloutPolicy) { state = Lock(.policy(policy)) }

    init(text: String) { state = Lock(.text(text)) }

    var text: String {
        state.withLock { state in
            switch state {
            case .text(let text): return text
            case .policy(let policy):
                let text = policy.digest
                state = .text(text)
                return text
            }
        }
    }
}

extension CompiledPolicy {
    /// The words of a policy, and the seats whose rollouts it lacks.
    private static func compile(
        _ policy: RolloutPolicy,
        _ ids: [RolloutID],
        _ roster: Roster,
        _ stops: Stops
    ) -> ([UInt64], Set<Int>) {
        // Room for a canary's tables too, so that a policy of such rollouts is not copied as it grows.
        var words: [UInt64] = []
        words.reserveCapacity(2 * roster.capacity * RecordLayout.size)
        words.append(contentsOf: repeatElement(0, count: roster.capacity * RecordLayout.size))
        var absent = roster.count == ids.count ? [] : Set(0..<roster.count)
        for id in ids {
            guard let definition = policy.served(id, without: stops), let ordinal = roster[id] else { continue }
            RolloutCompiler(id, definition, roster[ordinal])
                .compile(into: &words, at: ordinal * RecordLayout.size, revision: policy.revision)
            // As many seats as rollouts: nobody brought a default, and no rollout was removed.
            if absent.isEmpty { continue }
            absent.remove(ordinal)
            for seat in roster.defaultSeats(of: id) {
                copyRecord(of: ordinal, to: seat, in: &words)
                absent.remove(seat)
            }
        }
        for seat in absent { writeAbsent(seat, roster, policy.revision, in: &words) }
        return (words, absent)
    }

    /// Gives a seat the record of another one, with whose tables it then works.
    private static func copyRecord(of ordinal: Int, to seat: Int, in words: inout [UInt64]) {
        for word in 0..<RecordLayout.size {
            words[seat * RecordLayout.size + word] = words[ordinal * RecordLayout.size + word]
        }
    }

    private static func writeAbsent(_ seat: Int, _ roster: Roster, _ revision: UInt32, in words: inout [UInt64]) {
        let standIn = roster[seat].variants[0].number
        RolloutCompiler.writeAbsent(standIn, into: &words, at: seat * RecordLayout.size, revision: revision)
    }
}
