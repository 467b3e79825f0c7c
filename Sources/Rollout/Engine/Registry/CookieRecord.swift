/// The cookie of a rollout as a session reads it: at an address that never changes, complete and constant.
///
/// Safe, because the bytes are never written again and go only with their registry, which for policies that are published
/// is the process's.
@safe struct CookieRecord: @unchecked Sendable {
    /// What makes one cookie differ from another.
    struct Rules: Hashable, Sendable {
        let rollout: RolloutID
        let cookie: StickyCookie
        /// `missingUnit` is `assign`.
        let assignsMissing: Bool
    }

    let rules: Rules
    /// The bytes of the cookie's name.
    let name: UnsafeRawBufferPointer
    /// The bytes of the rollout's id.
    let rollout: UnsafeRawBufferPointer

    init(_ rules: Rules) {
        self.rules = rules
        unsafe name = Self.copy(rules.cookie.name)
        unsafe rollout = Self.copy(rules.rollout.text)
    }

    /// Gives the memory of the texts back; for a registry that goes, and with it whoever could read them.
    func deallocateTexts() {
        unsafe name.deallocate()
        unsafe rollout.deallocate()
    }

    private static func copy(_ text: String) -> UnsafeRawBufferPointer {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 16)
        unsafe bytes.copyBytes(from: text.utf8)
        return UnsafeRawBufferPointer(bytes)
    }
}

/// What the word of a rollout's record says: where its cookie is, or that it has none.
///
/// **Claim:** the address is that of a complete record. Because
/// 1. `CookieRegistry.intern` is the only source of addresses, and its records are written before they are handed out
///    and never again,
/// 2. the word reaches a reader through `SnapshotCell.read`, which orders memory and gives only words of one published
///    policy. *Inside* the body of `read` the word may be torn: so there it is passed on, and never followed.
@safe struct CookieReference: Equatable, Sendable {
    let word: UInt64

    static let absent = CookieReference(word: 0)

    init(word: UInt64) { self.word = word }

    init(_ record: UnsafePointer<CookieRecord>) { word = UInt64(UInt(bitPattern: record)) }

    /// The record, or nil for no cookie.
    @inline(__always)
    var record: UnsafePointer<CookieRecord>? { unsafe UnsafePointer(bitPattern: UInt(truncatingIfNeeded: word)) }
}
