import Synchronization

/// What copies of ``Exposures`` share. Lives as long as the process, so that they can be plain words.
///
/// A value behind a pointer, not an object: nothing lies between a visit and the memory but what it has to load.
struct ExposureRecorder: ~Copyable, Sendable {
    private let memory: ExposureMemory
    private let variants = ExposedVariants()
    private let rollouts = ExposedRollouts()
    private let router: RouterState
    let delivery: ExposureDelivery
    // Counts that order nothing, so they are relaxed.
    private let dropped = Atomic<Int>(0)
    private let withoutUnit = Atomic<Int>(0)
    private let notWatched = Atomic<Int>(0)

    init(_ router: RouterState, places: Int, _ delivery: ExposureDelivery) {
        memory = ExposureMemory(places: places)
        self.router = router
        self.delivery = delivery
    }

    /// Whether nothing is left to do for a visit. Makes no call and saves no register.
    ///
    /// A variant that was never met has the key 0, under which nothing is entered. So it is not tested.
    @inline(__always)
    func isSettled(_ decision: Decision, unit key: UInt64) -> Bool {
        let rollout = variants.key(of: decision.variant.number)
        return memory.isSettled(decision, hash: ExposureMark.hash(of: decision, unit: key, rollout: rollout))
    }

    /// Takes in a visit that is not known to be settled.
    @inline(__always)
    func record(_ decision: Decision, _ unit: String, key: UInt64, _ time: UnixTime?) {
        guard let rollout = unsafe variants.rollout(of: decision.variant.number), key != XXH3.hashOfNothing else {
            return recordOddly(decision, unit, key: key, time)
        }
        unsafe rollout._withUnsafeGuaranteedRef { tell(decision, unit, key: key, time, in: $0) }
    }

    /// Takes in a visit without a unit, or the first one of a variant.
    @inline(never)
    private func recordOddly(_ decision: Decision, _ unit: String, key: UInt64, _ time: UnixTime?) {
        if unit.isEmpty {
            withoutUnit.wrappingAdd(1, ordering: .relaxed)
        } else {
            tell(decision, unit, key: key, time, in: rollouts.enrol(decision.variant.number, in: variants))
        }
    }

    /// Counts a visit for the sample ratio, and hands over the exposure if it is new.
    ///
    /// The sample ratio comes first, and does not depend on what becomes of the exposure: whether the queue has room may
    /// depend on the variant, if one of them has its units come again more often.
    @inline(__always)
    private func tell(
        _ decision: Decision,
        _ unit: String,
        key: UInt64,
        _ time: UnixTime?,
        in rollout: ExposedRollout
    ) {
        if decision.isSplit { count(decision, in: rollout) }
        let hash = ExposureMark.hash(of: decision, unit: key, rollout: rollout.key)
        let mark = ExposureMark(decision, hash: hash)
        let look = memory.look(for: mark)
        if look.isKnown {
            if mark.isDrawn { _ = memory.enter(mark, look) }
            return
        }
        // The ticket comes first: a unit that is marked is sure to be handed over, and one for whom there is no room stays
        // unmarked.
        guard let ticket = delivery.queue.draw() else {
            dropped.wrappingAdd(1, ordering: .relaxed)
            return
        }
        if memory.enter(mark, look) {
            // Before the exposure can be delivered, so that no more are delivered than told.
            variants.countTold(decision.variant.number)
            delivery.queue.fill(ticket, Exposure(unit: UnitID(unit), decision: decision, time: time ?? Self.now))
        } else {
            delivery.queue.fill(ticket, nil)
        }
        delivery.wake()
    }

    /// Not inlined, because the memory for the system's answer would cost those who bring a time as well.
    private static var now: UnixTime { @inline(never) get { .now } }

    /// Takes in a draw. Not inlined, because what is inlined around it would have to be kept on the stack.
    @inline(never)
    private func count(_ decision: Decision, in rollout: ExposedRollout) {
        if !rollout.count(decision, router) { countUnwatched(decision, in: rollout) }
    }

    /// Takes in a draw in a rollout that is not watched, or not yet.
    @inline(never)
    private func countUnwatched(_ decision: Decision, in rollout: ExposedRollout) {
        if rollout.awaitsWatch(of: decision.epoch) {
            rollouts.watch(rollout, for: decision, router.compiled.policy)
            if rollout.count(decision, router) { return }
        }
        notWatched.wrappingAdd(1, ordering: .relaxed)
    }

    // MARK: Reading

    /// What became of exposures; and what a page by one component shows elsewhere than in the remainders.
    var reading: (counts: ExposureCounts, shared: SharedVersions<Int>) {
        // What has ended comes first, so that no more of it is seen than was told.
        let ended = delivery.ended
        let (rows, shared) = rollouts.rows(variants, router.compiled)
        let counts = ExposureCounts(
            rows: rows,
            delivered: ended.delivered,
            lost: ended.lost,
            dropped: dropped.load(ordering: .relaxed),
            withoutUnit: withoutUnit.load(ordering: .relaxed),
            notWatched: notWatched.load(ordering: .relaxed)
        )
        return (counts, shared)
    }

    var ratios: [RolloutID: ObservedRatio] { rollouts.ratios }
}
