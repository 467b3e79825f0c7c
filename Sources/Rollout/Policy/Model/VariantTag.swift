/// A variant as a token names it: the first four bytes of SHA-256(rollout id, one 0 byte, variant name).
struct VariantTag: Hashable, Sendable, RawRepresentable {
    let rawValue: UInt32

    /// What stands for "no variant": a visitor who is not enrolled.
    static let notEnrolled = VariantTag(rawValue: 0)

    init(rawValue: UInt32) { self.rawValue = rawValue }

    init(_ variant: VariantName, in rollout: RolloutID) {
        self = unsafe variant.text.withUnitBytes { variant in
            unsafe rollout.text.withUnitBytes { rollout in unsafe VariantTag(variant, in: rollout) }
        }
    }

    /// The tag of a name given as its bytes.
    init(_ variant: UnsafeRawBufferPointer, in rollout: UnsafeRawBufferPointer) {
        var hash = SHA256()
        unsafe hash.update(rollout)
        hash.update(0 as UInt8)
        unsafe hash.update(variant)
        rawValue = UInt32(truncatingIfNeeded: hash.finalize().words.0 >> 32)
    }
}
