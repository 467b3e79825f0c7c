/// Every cookie that a policy of this process ever had, for as long as the process lives.
///
/// Memory grows with the number of *distinct* (rollout, cookie) pairs, not with updates, and ends at 1,000,000.
final class CookieRegistry: Sendable {
    static let shared = CookieRegistry(capacity: 1_000_000)

    private let capacity: Int
    private let references = Lock<[CookieRecord.Rules: CookieReference]>([:])

    init(capacity: Int) { self.capacity = capacity }

    /// Where these cookies are, new ones registered; nil where they no longer all fit.
    func intern(_ all: [CookieRecord.Rules?]) -> [CookieReference]? {
        references.withLock { references in
            var result: [CookieReference] = []
            for rules in all {
                guard let rules else {
                    result.append(.none)
                    continue
                }
                if let known = references[rules] {
                    result.append(known)
                    continue
                }
                guard references.count < capacity else { return nil }
                let record = UnsafeMutablePointer<CookieRecord>.allocate(capacity: 1)
                unsafe record.initialize(to: CookieRecord(rules))
                let fresh = unsafe CookieReference(record)
                references[rules] = fresh
                result.append(fresh)
            }
            return result
        }
    }
}
