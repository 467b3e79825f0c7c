/// A rollout of a router, to be asked once a request.
///
/// A handle is two words without references: keep it in a `var`, an array or a closure; copying it costs nothing. It never
/// becomes invalid. While the policy lacks the rollout, the handle serves its default, or without one the first variant that
/// the rollout last had, for the reason ``Decision/Reason/absent``. When a policy brings the rollout, the handle serves that.
///
/// Deciding takes no lock, allocates nothing, counts no reference, and never throws or traps.
public struct RolloutHandle: Sendable {
    @usableFromInline let cell: SnapshotCell
    /// Where the record of the handle's seat starts in every image.
    @usableFromInline let start: Int

    init(cell: SnapshotCell, ordinal: Int) {
        self.cell = cell
        self.start = ordinal * RecordLayout.size
    }

    /// The rollout's id.
    public var id: RolloutID {
        // Every record names a variant for a request without a unit, and every variant its rollout.
        VariantRegistry.shared.rollout(read { $0.decisionWithoutUnit() }.variant.number)
    }

    /// The decision for a unit; an empty text is no unit. O(length of the unit).
    public func decision(for unit: String) -> Decision {
        decision(forKey: XXH3.hash(unit)) ?? deliberate(unit)
    }

    /// The decision for a unit given as UTF-8; no bytes are no unit. O(length of the unit).
    public func decision(for unit: Span<UInt8>) -> Decision {
        let key = unsafe unit.withUnsafeBytes { bytes in unsafe XXH3.hash(bytes) }
        return decision(forKey: key) ?? deliberate(unit)
    }

    /// The decision for an integer unit, which is its decimal text: `42` and `"42"` are one unit.
    public func decision(for unit: Int) -> Decision { decision(for: Int64(unit)) }

    /// The decision for an integer unit, which is its decimal text.
    public func decision(for unit: Int64) -> Decision {
        decision(forKey: XXH3.hash(decimal: unit)) ?? deliberate(unit)
    }

    /// The decision for an integer unit, which is its decimal text.
    public func decision(for unit: UInt64) -> Decision {
        decision(forKey: XXH3.hash(decimal: unit)) ?? deliberate(unit)
    }

    /// The decision for a unit that is hashed already: for asking several rollouts about one unit.
    @inlinable
    public func decision(for unit: HashedUnit) -> Decision {
        // The one entry that callers compile in, for with nothing to hash a call costs half of what all the rest does. The
        // layout of ring and record is then compiled into them too, which harms nothing where a package is built from
        // source, with its callers. They get the plain case alone, and what is not plain is behind one call. Constants on this
        // path are computed, because a stored one would take a call of its own.
        if unit.key == XXH3.hashOfNothing { return deliberate(unit) }
        return cell.glance { RolloutRecord($0, start: start).plainDecision(forKey: unit.key) } ?? deliberate(unit)
    }

    /// The decision for a request, with all it brings.
    ///
    /// - Parameters:
    ///   - unit: What is bucketed; nil and an empty text are no unit.
    ///   - host: The value of the `Host` header, in any case, with or without port.
    ///   - assignment: What a verified cookie or the service's own store remembers.
    /// - Returns: The decision of the policy that runs now.
    public func decision(
        for unit: String?,
        host: String? = nil,
        holding assignment: Assignment? = nil
    ) -> Decision {
        if let unit, host == nil, assignment == nil { return decision(for: unit) }
        return RequestBytes.with(unit: unit, host: host) { request in
            read { $0.decision(for: request, holding: assignment) }
        }
    }

    /// Why a request gets what it gets: each rule in order, what it saw, and which one decided.
    ///
    /// Not for the path of a request: it takes a lock and allocates, as ``Explanation`` says.
    ///
    /// - Parameters:
    ///   - unit: What is bucketed; nil and an empty text are no unit.
    ///   - host: The value of the `Host` header, in any case, with or without port.
    ///   - assignment: What a verified cookie or the service's own store remembers.
    /// - Returns: The explanation by the policy that runs now.
    public func explanation(
        for unit: String?,
        host: String? = nil,
        holding assignment: Assignment? = nil
    ) -> Explanation {
        RouterState.behind(cell).compiled.explanation(for: unit, host: host, holding: assignment, recordAt: start)
    }
}

/// A decision is made in two attempts: a short one that nearly always succeeds, and one that bears everything. A hashed
/// unit has one before them, in its caller's code.
extension RolloutHandle {
    /// The decision by a unit's hash alone; nil where it takes more than that: there may be no unit, units are forced, or
    /// an update passed in between.
    @inline(__always)
    private func decision(forKey key: UInt64) -> Decision? {
        guard key != XXH3.hashOfNothing else { return nil }
        return cell.glance { record($0).decision(forKey: key) }
    }

    /// The decision by a unit's hash alone, for a session; nil where it takes more, or a cookie or hosts matter.
    @inline(__always)
    func decisionFreeOfSessions(for unit: String) -> Decision? {
        if unit.isEmpty { return nil }
        return cell.glance { image in
            let record = RolloutRecord(image, start: start)
            return record.isFreeOfSessions ? record.decision(forKey: XXH3.hash(unit)) : nil
        }
    }

    /// Both attempts, where the one that callers compile in came to nothing.
    @usableFromInline
    func deliberate(_ unit: HashedUnit) -> Decision { decision(forKey: unit.key) ?? deliberate(unit.text) }

    @inline(never)
    private func deliberate(_ unit: String) -> Decision {
        unsafe unit.withUnitBytes { bytes in unsafe deliberate(bytes) }
    }

    @inline(never)
    private func deliberate(_ unit: Span<UInt8>) -> Decision {
        unsafe unit.withUnsafeBytes { bytes in unsafe deliberate(bytes) }
    }

    @inline(never)
    private func deliberate(_ unit: Int64) -> Decision { draw(DecimalUnit(DecimalText(unit))) }

    @inline(never)
    private func deliberate(_ unit: UInt64) -> Decision { draw(DecimalUnit(DecimalText(unit))) }

    @inline(__always)
    private func deliberate(_ bytes: UnsafeRawBufferPointer) -> Decision {
        unsafe bytes.isEmpty ? decisionWithoutUnit() : draw(BorrowedUnit(bytes))
    }

    @inline(never)
    private func draw(_ unit: some EngineUnit) -> Decision { read { $0.decision(for: unit) } }

    private func decisionWithoutUnit() -> Decision { read { $0.decisionWithoutUnit() } }

    @inline(__always)
    private func record(_ image: PolicyImage) -> RolloutRecord { RolloutRecord(image, start: start) }

    /// What the body makes of the rollout's record in the current policy, as `SnapshotCell.read` says.
    @inline(__always)
    func read<Result>(_ body: (RolloutRecord) -> Result) -> Result { cell.read { body(record($0)) } }
}
