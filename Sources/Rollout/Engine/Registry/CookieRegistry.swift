/// Every cookie that a policy of this process ever had, for as long as the process lives.
///
/// Memory grows with the number of *distinct* (rollout, cookie) pairs, not with updates, and stops at 1,000,000.
final class CookieRegistry: Sendable {
    static let shared = CookieRegistry(capacity: 1_000_000)

    let capacity: Int
    private let references = Lock<[CookieRecord.Rules: CookieReference]>([:])

    init(capacity: Int) { self.capacity = capacity }

    // The shared registry is never freed. When another one is, nobody follows its references any more.
    deinit {
        for reference in references.withLock({ Array($0.values) }) {
            guard let record = unsafe UnsafeMutablePointer(mutating: reference.record) else { continue }
            unsafe record.pointee.deallocateTexts()
            unsafe record.deinitialize(count: 1)
            unsafe record.deallocate()
        }
    }

    /// Registers these cookies, together with what else a policy has to register.
    ///
    /// - Parameters:
    ///   - all: The cookies; nil for a rollout without one.
    ///   - rest: Registers the rest. It is called only if the cookies fit.
    /// - Returns: References to the cookies in the same order, and the rest.
    /// - Throws: `PolicyError` if the cookies do not all fit, or what `rest` throws; then no cookie was registered.
    func intern<Rest: Sendable>(
        _ all: [CookieRecord.Rules?],
        with rest: () throws(PolicyError) -> Rest
    ) throws(PolicyError) -> (cookies: [CookieReference], rest: Rest) {
        try references.withLock { references throws(PolicyError) in
            let fresh = Set(all.compactMap(\.self).filter { references[$0] == nil })
            guard fresh.count <= capacity - references.count else {
                throw PolicyError(PolicyProblem.tooManyCookies(capacity: capacity))
            }
            let rest = try rest()
            for rules in fresh {
                let record = UnsafeMutablePointer<CookieRecord>.allocate(capacity: 1)
                unsafe record.initialize(to: CookieRecord(rules))
                references[rules] = unsafe CookieReference(record)
            }
            return (all.map { rules in rules.flatMap { references[$0] } ?? CookieReference.absent }, rest)
        }
    }
}

extension PolicyProblem {
    /// A policy that needs more cookies than the registry has room for is refused with this.
    fileprivate static func tooManyCookies(capacity: Int) -> PolicyProblem {
        PolicyProblem(
            .tooManyCookies,
            at: "",
            "the process would know more than \(grouped(capacity)) different cookies of rollouts"
        )
    }
}

/// The cookie of a rollout as a session reads it: complete, constant, and at an address that never changes.
///
/// Safe because the bytes are never written again. They are freed with their registry, and the registry of published policies
/// is never freed.
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
    /// The bytes of the cookie's domain as hosts are compared with it; empty for no domain.
    private let domain: UnsafeRawBufferPointer

    init(_ rules: Rules) {
        self.rules = rules
        unsafe name = Self.copy(rules.cookie.name)
        unsafe rollout = Self.copy(rules.rollout.text)
        unsafe domain = Self.copy(rules.cookie.normalizedDomain ?? "")
    }

    /// What tokens are bound to: the cookie's domain, or the normalised host of the request if the cookie has none.
    @inline(__always)
    func scope(at host: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        unsafe domain.isEmpty ? host : domain
    }

    /// Whether a browser takes the cookie from a host, which is normalised: from the domain itself, and from all below it
    /// (RFC 6265, 5.1.3). A request without a host cannot be told to be outside.
    func isTaken(from host: UnsafeRawBufferPointer) -> Bool {
        if unsafe domain.isEmpty || host.isEmpty { return true }
        guard unsafe host.suffix(domain.count).elementsEqual(domain) else { return false }
        return unsafe host.count == domain.count || host[host.count - domain.count - 1] == UInt8(ascii: ".")
    }

    /// Frees the texts. Their registry calls this when it is freed itself, and nobody can read them any more.
    func deallocateTexts() {
        unsafe name.deallocate()
        unsafe rollout.deallocate()
        unsafe domain.deallocate()
    }

    private static func copy(_ text: String) -> UnsafeRawBufferPointer {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 16)
        unsafe bytes.copyBytes(from: text.utf8)
        return UnsafeRawBufferPointer(bytes)
    }
}

/// A word of a rollout's record that says where the rollout's cookie is, or that it has none.
///
/// **Claim:** the address is that of a complete record. Because
/// 1. `CookieRegistry.intern` is the only source of addresses. It writes a record before it hands out the address, and never
///    again;
/// 2. the word reaches a reader in one of two ways. `SnapshotCell.read` orders memory and returns only words of one published
///    policy; *inside* its body the word may be torn, so there it is passed on and never followed. An explanation takes it
///    from a compiled policy that it holds, whose words are never written again.
///
/// If a torn word were followed, any address would be read.
@safe struct CookieReference: Equatable, Sendable {
    let word: UInt64

    static let absent = CookieReference(word: 0)

    init(word: UInt64) { self.word = word }

    init(_ record: UnsafePointer<CookieRecord>) { word = UInt64(UInt(bitPattern: record)) }

    /// The record, or nil for no cookie.
    @inline(__always)
    var record: UnsafePointer<CookieRecord>? { unsafe UnsafePointer(bitPattern: UInt(truncatingIfNeeded: word)) }
}
