/// A variant as a token names it: the first four bytes of SHA-256(rollout id, one 0 byte, variant name).
struct VariantTag: Hashable, Sendable, RawRepresentable {
    let rawValue: UInt32

    /// What stands for "no variant": a visitor who is not enrolled.
    static let notEnrolled = VariantTag(rawValue: 0)

    init(rawValue: UInt32) { self.rawValue = rawValue }

    init(_ variant: VariantName, in rollout: RolloutID) {
        let digest = SHA256.digest(Array("\(rollout)\u{0}\(variant)".utf8))
        rawValue = digest.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The tag of a name that came from outside.
    init(_ variant: UnsafeRawBufferPointer, in rollout: UnsafeRawBufferPointer) {
        var hash = SHA256()
        unsafe hash.update(rollout)
        hash.update(0 as UInt8)
        unsafe hash.update(variant)
        rawValue = UInt32(truncatingIfNeeded: hash.finalize().words.0 >> 32)
    }
}
