import Synchronization

/// Room for one loaded value, with counts of its uses.
///
/// Slots are used again and never freed. So a use that comes too late may still touch a slot whose value is gone, notice
/// that, and let go.
///
/// Unchecked, because of the pointers. They never change, apart from `value`, which is written only while nobody can use it.
/// The counts are atomic, and everything else is written under the lock of ``ResourcePool``.
@safe final class ResourceSlot: @unchecked Sendable {
    typealias Count = UnsafeMutablePointer<Atomic<Int>>

    enum Phase {
        case spare
        case live
        /// No longer given out. Its value is freed when the last use ends.
        case retiring
    }

    var phase = Phase.spare
    var key: ResourceKey?
    /// The variants whose entries in the table point here.
    var numbers: Set<VariantNumber> = []
    var value: UnsafeMutableRawPointer?

    /// Whether the end of a use has to look after the value.
    let isRetiring = Atomic<Bool>(false)
    private let counts: Count

    private static let stride = Stripe.stride / MemoryLayout<Atomic<Int>>.stride

    init() {
        let raw = UnsafeMutableRawPointer.allocate(byteCount: Stripe.count * Stripe.stride, alignment: Stripe.stride)
        unsafe counts = raw.bindMemory(to: Atomic<Int>.self, capacity: Stripe.count * Self.stride)
        for index in 0..<(Stripe.count * Self.stride) { unsafe (counts + index).initialize(to: Atomic(0)) }
    }

    deinit { unsafe UnsafeMutableRawPointer(counts).deallocate() }

    /// The count that this thread uses.
    @inline(__always)
    var count: Count { unsafe counts + Stripe.current * Self.stride }

    /// Whether each count is 0 at some moment of this call; they are read one after the other.
    var isUnused: Bool {
        (0..<Stripe.count).allSatisfy { index in
            unsafe counts[index * Self.stride].load(ordering: .sequentiallyConsistent) == 0
        }
    }
}

/// What a value is loaded for.
struct ResourceKey: Hashable, Sendable {
    let rollout: RolloutID
    let release: Release

    init(_ variant: VariantRecord) {
        rollout = variant.rollout
        release = variant.release
    }
}

/// The slot that the table had for a variant at one moment.
@safe struct ResourceLook: @unchecked Sendable {
    let number: VariantNumber
    let entry: UnsafeMutablePointer<Atomic<UInt>>
    let slot: Unmanaged<ResourceSlot>
}

/// A value that is held until the use ends.
@safe struct ResourceUse: @unchecked Sendable {
    let slot: Unmanaged<ResourceSlot>
    let count: ResourceSlot.Count
    let value: UnsafeMutableRawPointer
    /// The variant whose value it is.
    let variant: VariantNumber
}

/// Where a value lies. Sendable, because the value is.
@safe struct ResourceMemory: @unchecked Sendable {
    let address: UnsafeMutableRawPointer
}
