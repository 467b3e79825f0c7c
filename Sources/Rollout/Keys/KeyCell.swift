import Synchronization

/// The keys of a session router, which are replaced while requests use them.
///
/// **Claim:** all that one request verifies and signs is done with one table. Because
/// 1. `current` is loaded once for a request, before any of its keys is looked for, and what was loaded goes along with the
///    request: in `SessionBytes` while it is routed, however often that begins anew, and as an argument while a decision
///    header is written or judged. Nothing below has another way to a key;
/// 2. a table is complete before its address is stored, and never written after. The store is releasing and the load
///    acquiring, so who loads the address finds the table complete. With relaxed ones, the address could arrive first;
/// 3. no table is ever freed. A request would have to say that it has ended before one could be, and that costs every
///    request a write to memory that all threads share.
/// If a request loaded twice, it could take the number of the key from one table and the secret from the next: a cookie
/// that is lost at the next request.
///
/// **Claim:** memory is bounded. Because
/// 1. keys that equal earlier ones use their table again, so a file that goes back and forth between contents adds none;
/// 2. there are 10,000 tables at most, which is 8 MB with two keys each. Further keys are refused.
///
/// The lock is for those who replace keys. No request takes it.
struct KeyCell: ~Copyable, Sendable {
    /// What those who replace keys know. Not private, because the compiler fails on a private type in a cell that lies in
    /// the storage of another file's class.
    struct Known {
        /// What is in use.
        var keys: SigningKeys
        /// Every table there was, with what it is found by again.
        var tables: [(fingerprint: SHA256.Digest?, table: KeyTable)]
    }

    private static let limit = 10_000

    private let table: Atomic<KeyTable>
    private let known: Lock<Known>

    init(_ keys: SigningKeys) {
        let table = KeyTable(keys)
        self.table = Atomic(table)
        known = Lock(Known(keys: keys, tables: [(keys.fingerprint, table)]))
    }

    /// The table in use. Loaded once a request.
    @inline(__always)
    var current: KeyTable { table.load(ordering: .acquiring) }

    var keys: SigningKeys { known.withLock { $0.keys } }

    /// How many tables there are.
    var tableCount: Int { known.withLock { $0.tables.count } }

    /// Replaces the keys; nil if they are the ones in use.
    func replace(with keys: SigningKeys) throws(SigningKeyError) -> KeyChange? {
        try known.withLock { known throws(SigningKeyError) in
            guard let change = KeyChange(from: known.keys, to: keys) else { return nil }
            let fingerprint = keys.fingerprint
            let earlier = fingerprint.flatMap { wanted in known.tables.first { $0.fingerprint == wanted }?.table }
            if earlier == nil, known.tables.count == Self.limit {
                throw SigningKeyError(
                    .tooManyChanges,
                    "the keys were replaced by others \(grouped(Self.limit)) times, and what requests used is kept; "
                        + "the last keys stay in use until the process starts anew"
                )
            }
            let next = earlier ?? KeyTable(keys)
            if earlier == nil { known.tables.append((fingerprint, next)) }
            known.keys = keys
            table.store(next, ordering: .releasing)
            return change
        }
    }
}
