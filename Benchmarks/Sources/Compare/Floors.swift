/// The hash of the library alone: from its own source, compiled into this program.
struct HashOnly: Contender {
    @inline(__always)
    func decides(_ unit: borrowing Unit) -> Bool { XXH3.hash(unit.text) < .max / 10 }
}

/// The same decision by a policy that cannot change: two words behind a pointer that is never freed.
@safe struct LeakedPointer: Contender, @unchecked Sendable {
    private let words: UnsafePointer<UInt64>

    init(salt: String, canaryBuckets: UInt64) {
        let memory = UnsafeMutablePointer<UInt64>.allocate(capacity: 2)
        unsafe memory.initialize(to: XXH3.hash("rollout\u{0}" + salt))
        unsafe (memory + 1).initialize(to: canaryBuckets)
        unsafe words = UnsafePointer(memory)
    }

    @inline(__always)
    func decides(_ unit: borrowing Unit) -> Bool {
        let product = unsafe (XXH3.hash(unit.text) ^ words[0]).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return unsafe (product.high ^ product.low).multipliedFullWidth(by: 1_000_000).high < words[1]
    }
}
