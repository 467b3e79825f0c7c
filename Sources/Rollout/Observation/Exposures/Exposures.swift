/// Tells a sink who really got which variant: once for each unit, and again when the variant changes.
///
///     let exposures = Exposures(of: router) { batch in try await log.append(batch.map(\.json)) }
///
///     exposures.record(decision, unit: user)     // in a request, when the user really got it
///
///     try await exposures.run()                  // in a task of its own: delivers until it is cancelled
///
/// A decision is no exposure: a service may decide and then not show what was decided. So record where it is shown.
///
/// **Once.** An exposure is told once for each unit, rollout and epoch, and again when the variant or its release changes: A, B,
/// A is told three times. Which units were told of is remembered in a fixed table. A unit that it had to forget is told again
/// (fewer than 1 % of the visits while the table is half full), and so are units after a restart. Another unit's visit is taken for
/// one that was told with a probability below 1e-12.
///
/// **Delivery** is at least once: a batch that the sink throws on is offered again, after pauses of 1, 2, 4, … 60 seconds. If the
/// queue is full, what is new is dropped and counted, and told at the unit's next request.
///
/// **Sample ratio.** The first drawn exposure of each bucket is counted, whatever becomes of it on its way to the sink, and
/// ``sampleRatios`` tells whether variants get the units that are due to them.
///
/// Exposures are one word, and copies share one state that lives as long as the process: make one for each router. A visit
/// that was told before takes no lock, allocates nothing and counts no reference. One that is new is handed over without waiting; if
/// it was drawn, it takes a lock that belongs to its rollout.
@safe public struct Exposures: @unchecked Sendable {
    // Unchecked, because of the pointer. It never changes, and its memory is never freed.
    private let recorder: UnsafePointer<ExposureRecorder>

    /// Exposures of a router's decisions.
    ///
    /// - Parameters:
    ///   - router: Makes the decisions.
    ///   - places: How many units to remember, in all rollouts together; 8 bytes each. Rounded up to a power of two; 8 …
    ///     16,777,216, anything else traps.
    ///   - queue: How many exposures may wait for the sink; 48 bytes each, and the units' text. Rounded up to a power of two; 2 …
    ///     1,048,576, anything else traps.
    ///   - batch: How many exposures the sink is given at once; at least 1.
    ///   - drain: How long ``run()`` goes on delivering when it is cancelled.
    ///   - clock: Measures the pauses and the drain.
    ///   - sink: Takes exposures, and returns when they are safe. It is called by one task, one batch after the other, in the order
    ///     in which they were handed over. Throws if the batch is to be offered again.
    public init(
        of router: RolloutRouter,
        remembering places: Int = 131_072,
        queue: Int = 8_192,
        batch: Int = 1_000,
        drain: Duration = .seconds(5),
        clock: any Clock<Duration> = ContinuousClock(),
        sink: @escaping @Sendable ([Exposure]) async throws -> Void
    ) {
        Self.check(places, "remembering", 8...ExposureMemory.limit)
        Self.check(queue, "queue", 2...(1 << 20))
        Self.check(batch, "batch", 1...Int.max)
        let delivery = ExposureDelivery(queue: queue, batch: batch, drain: drain, clock: clock, sink: sink)
        let memory = UnsafeMutablePointer<ExposureRecorder>.allocate(capacity: 1)
        unsafe memory.initialize(to: ExposureRecorder(router.state, places: places, delivery))
        unsafe recorder = UnsafePointer(memory)
        let address = UInt(bitPattern: memory)
        immortals.withLock { $0.append(address) }
    }

    private static func check(_ number: Int, _ name: String, _ allowed: ClosedRange<Int>) {
        precondition(allowed.contains(number), "\(name) of Exposures: \(number) is not in \(allowed)")
    }

    /// Records that a unit got what was decided, now. Call it when the unit really got it.
    ///
    /// The clock is read for what is new alone.
    ///
    /// - Parameters:
    ///   - decision: A decision of the router. One that was adopted from another service is recorded only if it is not tainted.
    ///   - unit: Who got it, as the decision was asked, or what tells visitors apart who have no id. An empty text is counted,
    ///     and not told.
    /// - Complexity: O(length of the unit), without allocation.
    public func record(_ decision: Decision, unit: String) {
        let key = XXH3.hash(unit)
        if unsafe recorder.pointee.isSettled(decision, unit: key) { return }
        tell(decision, unit, key, nil)
    }

    /// Records that a unit got what was decided, at that time.
    ///
    /// - Parameters:
    ///   - decision: A decision of the router.
    ///   - unit: Who got it, as the decision was asked.
    ///   - now: When.
    /// - Complexity: O(length of the unit), without allocation.
    public func record(_ decision: Decision, unit: String, at now: UnixTime) {
        let key = XXH3.hash(unit)
        if unsafe recorder.pointee.isSettled(decision, unit: key) { return }
        tell(decision, unit, key, now)
    }

    /// Records that a unit, hashed already, got what was decided, now.
    ///
    /// - Parameters:
    ///   - decision: A decision of the router.
    ///   - unit: Who got it, as the decision was asked.
    /// - Complexity: O(1), without allocation.
    public func record(_ decision: Decision, unit: HashedUnit) {
        if unsafe recorder.pointee.isSettled(decision, unit: unit.key) { return }
        tell(decision, unit.text, unit.key, nil)
    }

    /// Records that a unit, hashed already, got what was decided, at that time.
    ///
    /// - Parameters:
    ///   - decision: A decision of the router.
    ///   - unit: Who got it, as the decision was asked.
    ///   - now: When.
    /// - Complexity: O(1), without allocation.
    public func record(_ decision: Decision, unit: HashedUnit, at now: UnixTime) {
        if unsafe recorder.pointee.isSettled(decision, unit: unit.key) { return }
        tell(decision, unit.text, unit.key, now)
    }

    @inline(never)
    private func tell(_ decision: Decision, _ unit: String, _ key: UInt64, _ time: UnixTime?) {
        unsafe recorder.pointee.record(decision, unit, key: key, time)
    }

    /// Delivers exposures to the sink until the task is cancelled, and then what is left, up to the end of the drain.
    ///
    /// The sink is called by a task that is not cancelled before the drain is over. What it has not taken then is counted as lost, and
    /// the run returns even if the sink hangs or blocks. Exposures that are recorded after the run wait for the next one.
    ///
    /// - Throws: ``AlreadyRunningError`` if a run is under way; the clock's error, if it has one.
    @concurrent
    public func run() async throws { try await unsafe recorder.pointee.delivery.run() }

    /// What became of exposures so far. Takes locks, and O(variants that the process knows).
    public var counts: ExposureCounts { reading.counts }

    /// The same, and what else a page needs to know.
    var reading: (counts: ExposureCounts, shared: SharedVersions<Int>) { unsafe recorder.pointee.reading }

    /// For each rollout whether its variants get what is due to them, in the running epoch.
    ///
    /// At most 64 rollouts are watched: the first ones with an exposure that was drawn. One that the policy has lost gives way. Takes
    /// 125 KB a rollout.
    public var sampleRatios: [RolloutID: ObservedRatio] { unsafe recorder.pointee.ratios }
}

/// State that lives as long as the process, so that exposures can be plain words. Leak checkers find it here.
private let immortals = Lock<[UInt]>([])
