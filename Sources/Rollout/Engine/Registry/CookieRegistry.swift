/// Every cookie that a policy of this process ever had, for as long as the process lives.
///
/// Memory grows with the number of *distinct* (rollout, cookie) pairs, not with updates, and ends at 1,000,000.
final class CookieRegistry: Sendable {
    static let shared = CookieRegistry(capacity: 1_000_000)

    let capacity: Int
    private let references = Lock<[CookieRecord.Rules: CookieReference]>([:])

    init(capacity: Int) { self.capacity = capacity }

    // The shared one never goes; one that does is not followed by anybody any more.
    deinit {
        for reference in references.withLock({ Array($0.values) }) {
            guard let record = unsafe UnsafeMutablePointer(mutating: reference.record) else { continue }
            unsafe record.pointee.deallocateTexts()
            unsafe record.deinitialize(count: 1)
            unsafe record.deallocate()
        }
    }

    /// Where these cookies are, new ones registered, together with what else a policy has to register.
    ///
    /// - Parameters:
    ///   - all: The cookies; nil for a rollout without one.
    ///   - rest: Registers the rest. Called only where the cookies fit.
    /// - Returns: The cookies' places in their order, and the rest.
    /// - Throws: `PolicyError` where the cookies no longer all fit, or the rest's own; then no cookie was registered.
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
    /// What a policy is refused for that needs more cookies than the registry has room for.
    fileprivate static func tooManyCookies(capacity: Int) -> PolicyProblem {
        PolicyProblem(
            .tooManyCookies,
            at: "",
            "the process would know more than \(grouped(capacity)) different cookies of rollouts"
        )
    }
}
