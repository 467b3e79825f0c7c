import Synchronization

/// Twenty careful lines: a struct in a `Mutex`, the text's bytes without a copy, no dictionary.
final class Careful: Contender {
    private struct Policy {
        var salt: UInt32 = 0x9E37_79B9
        var percent: UInt32 = 10
    }

    private let policy = Mutex(Policy())

    func decides(_ unit: borrowing Unit) -> Bool {
        let (salt, percent) = policy.withLock { ($0.salt, $0.percent) }
        let hash =
            unsafe unit.text.utf8.withContiguousStorageIfAvailable {
                unsafe Murmur3.value(of: $0)
            } ?? 0
        return (hash ^ salt) &* 0x85EB_CA6B % 100 < percent
    }
}
