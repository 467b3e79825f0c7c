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
    func isSettled(_ decision: Decision, _ unit: UInt64) -> Bool {
        memory.isSettled(decision, unit: unit, rollout: variants.key(of: decision.variant.number))
    }

    /// Takes in a visit that is not known to be settled.
    ///
    /// The sample ratio comes first, and does not depend on what becomes of the exposure: whether the queue has room may
    /// depend on the variant, if one of them has its units come again more often.
    func record(_ decision: Decision, _ unit: HashedUnit, _ time: UnixTime?) {
        if unit.key == XXH3.hashOfNothing, unit.text.isEmpty {
            withoutUnit.wrappingAdd(1, ordering: .relaxed)
            return
        }
        let variant = decision.variant.number
        let rollout = variants.key(of: variant)
        if rollout == 0 {
            rollouts.enrol(variant, in: variants)
            return record(decision, unit, time)
        }
        let mark = ExposureMark(decision, unit: unit.key, rollout: rollout)
        if mark.isDrawn { variants.withRollout(of: variant) { count(decision, in: $0) } }
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
            variants.countTold(variant)
            delivery.queue.fill(ticket, Exposure(unit: UnitID(unit.text), decision: decision, time: time ?? .now))
        } else {
            delivery.queue.fill(ticket, nil)
        }
        delivery.wake()
    }

    @inline(__always)
    private func count(_ decision: Decision, in rollout: ExposedRollout) {
        var isWatched = rollout.count(decision, router)
        if isWatched == nil {
            rollouts.watch(rollout, for: decision, router.compiled.policy)
            isWatched = rollout.count(decision, router)
        }
        if isWatched != true { notWatched.wrappingAdd(1, ordering: .relaxed) }
    }

    // MARK: Reading

    var counts: ExposureCounts {
        // What has ended comes first, so that no more of it is seen than was told.
        let ended = delivery.ended
        return ExposureCounts(
            rows: rollouts.rows(variants, router.compiled),
            delivered: ended.delivered,
            lost: ended.lost,
            dropped: dropped.load(ordering: .relaxed),
            withoutUnit: withoutUnit.load(ordering: .relaxed),
            notWatched: notWatched.load(ordering: .relaxed)
        )
    }

    var ratios: [RolloutID: ObservedRatio] { rollouts.ratios }
}
