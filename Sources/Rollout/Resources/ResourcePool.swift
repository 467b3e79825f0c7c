import Synchronization

/// Finds the value for a variant's number, holds it, and frees it once nobody uses it any more.
///
/// A use takes no lock: it looks up the variant's slot, counts itself in, and looks again.
///
/// **Claim 1:** a value is never freed while it is used. All operations named here are sequentially consistent, so they
/// have one order, S. Because
/// 1. a use adds to a count of the slot, then finds the table still pointing to the slot,
/// 2. retiring makes the table point elsewhere first, then reads the counts one by one, and frees only if each was 0,
/// 3. so in S the use's addition precedes its second look, which precedes the change of the table, which precedes the
///    reading of the counts: whatever reads 0 comes after the end of every such use, and no later use gets beyond its
///    second look.
/// With weaker orders the second look could pass before others see the addition, and a value in use could be freed.
///
/// **Claim 2:** a value that is retired in use is freed by whoever ends the last use. Because ending subtracts first and
/// then asks `isRetiring`; retiring sets `isRetiring` first and then reads the counts. One of them sees the other.
///
/// **Claim 3:** it is freed once. Because only the lock's holder frees, and the slot is no longer `retiring` afterwards.
///
/// **Claim 4:** no variant ever gets the value of another release from a slot that is used again. Because every entry that
/// points to a slot is listed in its `numbers`, and retiring clears all of them before the slot is spare. So the second
/// look finds the same slot only if it holds a value of the variant's release again.
@safe class ResourcePool: @unchecked Sendable {
    private typealias Entry = Atomic<UInt>
    private typealias Chunk = UnsafeMutablePointer<Entry>
    private static let chunkSize = 1024

    private struct State {
        var live: [ResourceKey: ResourceSlot] = [:]
        /// The variant that stands in for each rollout's others: the first one of the policy that runs, or the default.
        var substitutes: [RolloutID: VariantNumber] = [:]
        /// Every slot there ever was, which keeps them alive.
        var slots: [ResourceSlot] = []
    }

    private let state = Lock(State())
    /// The slot of each variant by its number, as an address; 0 for none. Chunks are made when needed, and stay.
    private let chunks: UnsafeMutablePointer<Atomic<Chunk?>>
    private let chunkCount: Int
    private let substitutions = Atomic<Int>(0)

    init() {
        chunkCount = VariantRegistry.shared.limit / Self.chunkSize + 1
        unsafe chunks = .allocate(capacity: chunkCount)
        for index in 0..<chunkCount { unsafe (chunks + index).initialize(to: Atomic(nil)) }
    }

    /// Frees a value that nobody uses any more.
    func free(_ value: UnsafeMutableRawPointer, for key: ResourceKey) {}

    // MARK: Using

    /// Holds the value of a variant; that of its substitute if it is retired; nil if there is neither.
    @inline(__always)
    final func begin(_ number: VariantNumber) -> ResourceUse? {
        guard let look = look(number), let use = hold(look) else { return substitute(number) }
        return use
    }

    /// The slot that a variant's entry points to at this moment; nil for none. Holds nothing yet.
    @inline(__always)
    final func look(_ number: VariantNumber) -> ResourceLook? {
        guard let entry = unsafe entry(number) else { return nil }
        let address = unsafe entry.pointee.load(ordering: .sequentiallyConsistent)
        guard let slot = unsafe Self.slot(address) else { return nil }
        return unsafe ResourceLook(number: number, entry: entry, slot: slot)
    }

    /// Holds the value of the slot that was found; nil if the entry no longer points to it.
    @inline(__always)
    final func hold(_ look: ResourceLook) -> ResourceUse? {
        let slot = unsafe look.slot
        let count = unsafe slot._withUnsafeGuaranteedRef { unsafe $0.count }
        unsafe count.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
        let address = unsafe look.entry.pointee.load(ordering: .sequentiallyConsistent)
        if unsafe address == UInt(bitPattern: slot.toOpaque()),
            let value = unsafe slot._withUnsafeGuaranteedRef({ unsafe $0.value })
        {
            return unsafe ResourceUse(slot: slot, count: count, value: value, variant: look.number)
        }
        unsafe end(slot, count)
        return nil
    }

    @inline(__always)
    final func end(_ use: ResourceUse) { unsafe end(use.slot, use.count) }

    @inline(__always)
    private final func end(_ slot: Unmanaged<ResourceSlot>, _ count: ResourceSlot.Count) {
        unsafe count.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        unsafe slot._withUnsafeGuaranteedRef { slot in
            if slot.isRetiring.load(ordering: .sequentiallyConsistent) { settle(slot) }
        }
    }

    /// The value of a variant whose entry points nowhere: its own if one is loaded for its release, else its substitute's.
    @inline(never)
    private final func substitute(_ number: VariantNumber) -> ResourceUse? {
        let record = VariantRegistry.shared[number]
        let use: ResourceUse? = state.withLock { state in
            if let slot = state.live[ResourceKey(record)] {
                point(number, to: slot)
                return Self.hold(slot, as: number)
            }
            guard let substitute = state.substitutes[record.rollout] else { return nil }
            let key = ResourceKey(VariantRegistry.shared[substitute])
            return state.live[key].flatMap { Self.hold($0, as: substitute) }
        }
        if let use, use.variant != number { substitutions.wrappingAdd(1, ordering: .relaxed) }
        return use
    }

    /// Runs under the lock, so nobody retires the slot meanwhile.
    private static func hold(_ slot: ResourceSlot, as variant: VariantNumber) -> ResourceUse? {
        guard let value = unsafe slot.value else { return nil }
        let count = unsafe slot.count
        unsafe count.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
        return unsafe ResourceUse(slot: .passUnretained(slot), count: count, value: value, variant: variant)
    }

    // MARK: Loading and retiring

    /// Which of these have no value yet.
    final func missing(_ keys: Set<ResourceKey>) -> Set<ResourceKey> {
        state.withLock { state in keys.filter { state.live[$0] == nil } }
    }

    final var loaded: [ResourceKey] { state.withLock { Array($0.live.keys) } }

    final var retiringCount: Int { state.withLock { $0.slots.count { $0.phase == .retiring } } }

    final var substitutionCount: Int { substitutions.load(ordering: .relaxed) }

    /// Takes in a value, which can be used from then on.
    final func adopt(_ value: ResourceMemory, for key: ResourceKey) {
        state.withLock { state in
            let slot = state.slots.first { $0.phase == .spare } ?? ResourceSlot()
            if slot.key == nil { state.slots.append(slot) }
            slot.phase = .live
            slot.key = key
            unsafe slot.value = value.address
            state.live[key] = slot
        }
    }

    /// Points variants to the values of their releases.
    final func point(_ variants: [(VariantNumber, ResourceKey)]) {
        state.withLock { state in
            for (number, key) in variants {
                if let slot = state.live[key] { point(number, to: slot) }
            }
        }
    }

    /// Says whose values decisions get that come too late for their own.
    final func setSubstitutes(_ substitutes: [RolloutID: VariantNumber]) {
        state.withLock { $0.substitutes = substitutes }
    }

    /// Stops giving these out, and frees those that are not in use.
    final func retire(_ isOver: (ResourceKey) -> Bool) {
        let retired = state.withLock { state in
            let over = state.live.keys.filter(isOver).compactMap { state.live.removeValue(forKey: $0) }
            for slot in over {
                for number in slot.numbers { unsafe entry(number)?.pointee.store(0, ordering: .sequentiallyConsistent) }
                slot.numbers = []
                slot.phase = .retiring
                slot.isRetiring.store(true, ordering: .sequentiallyConsistent)
            }
            return over
        }
        for slot in retired { settle(slot) }
    }

    /// Frees the value of a retiring slot, if nobody uses it.
    @inline(never)
    private final func settle(_ slot: ResourceSlot) {
        let freed: (ResourceMemory, ResourceKey)? = state.withLock { _ in
            guard slot.phase == .retiring, slot.isUnused, let value = unsafe slot.value, let key = slot.key else {
                return nil
            }
            slot.phase = .spare
            unsafe slot.value = nil
            slot.isRetiring.store(false, ordering: .sequentiallyConsistent)
            return (unsafe ResourceMemory(address: value), key)
        }
        // Outside the lock: this is the service's own code, and may take long.
        if let freed { unsafe free(freed.0.address, for: freed.1) }
    }

    // MARK: The table

    @inline(__always)
    private final func entry(_ number: VariantNumber) -> UnsafeMutablePointer<Entry>? {
        let index = Int(number.rawValue)
        guard index / Self.chunkSize < chunkCount,
            let chunk = unsafe chunks[index / Self.chunkSize].load(ordering: .acquiring)
        else { return nil }
        return unsafe chunk + index % Self.chunkSize
    }

    @inline(__always)
    private static func slot(_ address: UInt) -> Unmanaged<ResourceSlot>? {
        unsafe UnsafeRawPointer(bitPattern: address).map { unsafe Unmanaged.fromOpaque($0) }
    }

    /// Runs under the lock.
    private final func point(_ number: VariantNumber, to slot: ResourceSlot) {
        let index = Int(number.rawValue) / Self.chunkSize
        if unsafe chunks[index].load(ordering: .relaxed) == nil {
            let chunk = Chunk.allocate(capacity: Self.chunkSize)
            for index in 0..<Self.chunkSize { unsafe (chunk + index).initialize(to: Atomic(0)) }
            unsafe chunks[index].store(chunk, ordering: .releasing)
        }
        slot.numbers.insert(number)
        let address = unsafe UInt(bitPattern: Unmanaged.passUnretained(slot).toOpaque())
        unsafe entry(number)?.pointee.store(address, ordering: .sequentiallyConsistent)
    }
}
