/// A rollout of a router, to be asked once a request.
///
/// A handle is two words without references: keep it in a `var`, an array or a closure; copying it costs nothing. It never
/// becomes invalid. While the policy lacks the rollout, the handle serves its default, or without one the first variant that
/// the rollout last had, for the reason ``Decision/Reason/absent``. When a policy brings the rollout, the handle serves that.
///
/// Deciding takes no lock, allocates nothing, counts no reference, and never throws or traps.
public struct RolloutHandle: Sendable {
    @usableFromInline let cell: SnapshotCell
    /// Where the record of the handle's seat starts in every image, in bytes.
    @usableFromInline let start: Int

    init(cell: SnapshotCell, ordinal: Int) {
        self.cell = cell
        self.start = RolloutRecord.start(ofSeat: ordinal)
    }

    /// The rollout's id.
    public var id: RolloutID {
        // Every record names a variant for a request without a unit, and every variant its rollout.
        VariantRegistry.shared.rollout(read { $0.decisionWithoutUnit() }.variant.number)
    }

    /// The decision for a unit; an empty text is no unit. O(length of the unit).
    public func decision(for unit: String) -> Decision {
        @inline(__always)
        func hash() -> UInt64? { XXH3.hash(ofUpTo128: unit) }
        var key = XXH3.unknown
        return decision(hashing: hash, into: &key) ?? deliberate(unit, key: key)
    }

    /// The decision for a unit given as UTF-8; no bytes are no unit. O(length of the unit).
    public func decision(for unit: Span<UInt8>) -> Decision {
        var key = XXH3.unknown
        let attempt = unsafe unit.withUnsafeBytes { bytes in
            @inline(__always)
            func hash() -> UInt64? { unsafe XXH3.hash(ofUpTo128: bytes) }
            return decision(hashing: hash, into: &key)
        }
        return attempt ?? deliberate(unit, key: key)
    }

    /// The decision for an integer unit, which is its decimal text: `42` and `"42"` are one unit.
    public func decision(for unit: Int) -> Decision { decision(for: Int64(unit)) }

    /// The decision for an integer unit, which is its decimal text.
    public func decision(for unit: Int64) -> Decision {
        let key = XXH3.hash(decimal: unit)
        return cell.glance { record($0).decision(forKey: key) } ?? deliberate(unit, key: key)
    }

    /// The decision for an integer unit, which is its decimal text.
    public func decision(for unit: UInt64) -> Decision {
        let key = XXH3.hash(decimal: unit)
        return cell.glance { record($0).decision(forKey: key) } ?? deliberate(unit, key: key)
    }

    /// The decision for a unit that is hashed already: for asking several rollouts about one unit.
    @inlinable
    @inline(__always)
    public func decision(for unit: HashedUnit) -> Decision {
        // The one entry that callers compile in: with nothing to hash, a call costs half of what all the rest does. The layout of
        // ring and record is then compiled into callers too, which does no harm to a package that is built from source. What
        // cannot be decided by the hash alone is behind one call. Constants on this path are computed, because a stored one
        // would take a call of its own.
        if unit.key == XXH3.hashOfNothing { return deliberate(unit.text) }
        return cell.glance { RolloutRecord($0, start: start).decision(forKey: unit.key) }
            ?? deliberate(unit.text)
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
        // Only calls, which the compiler makes jumps: so this function saves no registers.
        if let assignment { return deliberate(unit, host, holding: assignment) }
        if let host {
            if let unit { return deliberate(unit, host) }
            return deliberate("", host)
        }
        if let unit { return decision(for: unit) }
        return decisionWithoutUnit()
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

/// A decision is made in two attempts: a short one that nearly always succeeds, and one that succeeds in every case.
extension RolloutHandle {
    /// The decision by a unit's hash alone. Nil if more is needed: the unit may be forced, the draw needs another hash or a search,
    /// or an update passed in between. The unit is not hashed if that would be in vain.
    ///
    /// - Parameters:
    ///   - hash: The hash of the unit, or nil if it would take a call.
    ///   - key: Becomes the hash if it was computed.
    /// - Returns: The decision, or nil.
    @inline(__always)
    private func decision(hashing hash: () -> UInt64?, into key: inout UInt64) -> Decision? {
        @inline(__always)
        func decision(_ image: PolicyImage) -> Decision? {
            let record = record(image)
            guard !record.isKeyless, let hashed = hash() else { return nil }
            key = hashed
            return record.decision(forKey: hashed)
        }
        return cell.glance(decision)
    }

    /// The decision by a unit's hash alone, for a session. Nil if more is needed, or if the rollout has a cookie or host rules.
    @inline(__always)
    func decisionFreeOfSessions(for unit: String) -> Decision? {
        if unit.isEmpty { return nil }
        return cell.glance { image in
            let record = RolloutRecord(image, start: start)
            return record.isFreeOfSessions ? record.decision(forKey: XXH3.hash(unit)) : nil
        }
    }

    /// Hashes the unit again if need be, because callers that compile its hash in would have to keep that for this.
    @inline(never)
    @usableFromInline
    func deliberate(_ unit: String) -> Decision { deliberate(unit, key: XXH3.unknown) }

    @inline(never)
    private func deliberate(_ unit: String, key: UInt64) -> Decision {
        unsafe unit.withUnitBytes { bytes in unsafe deliberate(bytes, key: key) }
    }

    @inline(never)
    private func deliberate(_ unit: Span<UInt8>, key: UInt64) -> Decision {
        unsafe unit.withUnsafeBytes { bytes in unsafe deliberate(bytes, key: key) }
    }

    @inline(never)
    private func deliberate(_ unit: Int64, key: UInt64) -> Decision {
        unsafe DecimalText(unit).withBytes { bytes in unsafe draw(BorrowedUnit(bytes, key: key)) }
    }

    @inline(never)
    private func deliberate(_ unit: UInt64, key: UInt64) -> Decision {
        unsafe DecimalText(unit).withBytes { bytes in unsafe draw(BorrowedUnit(bytes, key: key)) }
    }

    @inline(never)
    private func deliberate(_ bytes: UnsafeRawBufferPointer, key: UInt64) -> Decision {
        @inline(__always)
        func stated(_ image: PolicyImage) -> Decision? { unsafe record(image).statedDecision(for: bytes) }
        if key != XXH3.unknown { return unsafe draw(BorrowedUnit(bytes, key: key)) }
        if unsafe bytes.isEmpty { return decisionWithoutUnit() }
        // Outside of the loop that reads again, from which the compiler would bring forward what most stated hashes do not need.
        return unsafe cell.glance(stated) ?? draw(BorrowedUnit(bytes))
    }

    @inline(never)
    private func deliberate(_ unit: String, _ host: String) -> Decision {
        RequestBytes.with(unit: unit, host: host) { request in deliberate(request) }
    }

    @inline(never)
    private func deliberate(_ request: RequestBytes) -> Decision {
        // A local function, because a closure cannot ask to be inlined.
        @inline(__always)
        func decision(_ record: RolloutRecord) -> Decision { record.decide(request, holding: nil) }
        return read(decision)
    }

    @inline(never)
    private func deliberate(_ unit: String?, _ host: String?, holding assignment: Assignment) -> Decision {
        RequestBytes.with(unit: unit, host: host) { request in deliberate(request, holding: assignment) }
    }

    @inline(never)
    private func deliberate(_ request: RequestBytes, holding assignment: Assignment) -> Decision {
        @inline(__always)
        func decision(_ record: RolloutRecord) -> Decision { record.decide(request, holding: assignment) }
        return read(decision)
    }

    @inline(never)
    private func draw(_ unit: BorrowedUnit) -> Decision {
        @inline(__always)
        func decision(_ record: RolloutRecord) -> Decision { record.decision(for: unit) }
        return read(decision)
    }

    private func decisionWithoutUnit() -> Decision { read { $0.decisionWithoutUnit() } }

    @inline(__always)
    private func record(_ image: PolicyImage) -> RolloutRecord { RolloutRecord(image, start: start) }

    /// What the body makes of the rollout's record in the current policy, as `SnapshotCell.read` says.
    @inline(__always)
    func read<Result>(_ body: (RolloutRecord) -> Result) -> Result { cell.read { body(record($0)) } }
}
