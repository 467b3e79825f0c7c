/// What a session router's copies share. Lives as long as the process, so that the router can be a plain word.
final class SessionState: Sendable {
    let keys: KeyTable
    /// Held here, because a static constant is behind a call.
    let base64 = Base64.url
    let counters = SessionCounters()
    /// Draws a bucket for a visitor who brings none.
    let drawBucket: @Sendable () -> Int
    /// How many seconds a decision may be under way to another service.
    let decisionLife: Int64

    init(keys: SigningKeys, decisionLife: Int64, drawBucket: @escaping @Sendable () -> Int) {
        self.keys = KeyTable(keys)
        self.decisionLife = decisionLife
        self.drawBucket = drawBucket
    }

    private static let kept = Lock<[SessionState]>([])

    /// Keeps a state for as long as the process lives.
    static func keep(_ state: SessionState) { kept.withLock { $0.append(state) } }
}
