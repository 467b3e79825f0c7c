/// One draw step by step, for people: what the engine does with a unit in a few instructions.
package struct DrawTrace: Hashable, Sendable {
    /// XXH3-64 of the unit.
    package let key: UInt64
    /// XXH3-64 of "rollout", one 0 byte and the salt.
    package let saltHash: UInt64
    /// Where the unit falls, 0 ..< 1,000,000.
    package let bucket: Int

    /// Draws a unit under a salt.
    package init(unit: String, salt: String) {
        key = XXH3.hash(unit)
        saltHash = Bucketing.saltHash(salt)
        bucket = Int(Bucketing.bucket(ofKey: key, saltHash: saltHash))
    }

    /// Draws a unit where copies to a shadow are sampled: under a salt of its own, independent of every assignment.
    package init(samplingShadowFor unit: String, salt: String) {
        self.init(unit: unit, salt: Bucketing.derivedSalt(salt, "shadow"))
    }
}
