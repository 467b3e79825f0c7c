/// Keeps visitors in their version: verifies the cookie a request brings, has the policy decide, and says what cookie to
/// send back.
///
///     let sessions = SessionRouter(keys: try SigningKeys(contentsOf: "/run/secrets/rollout.keys"))
///     let answer = sessions.route(SessionRequest(unit: user, host: host, cookies: cookies), through: sms)
///     answer.decision.variant.name       // "canary", for the whole session
///     answer.setCookie                   // "sms-app-version=AQcAAA…", or nil
///
/// Make one session router for a service, not one for a request. It is one word, and copies share one state that lives as
/// long as the process.
///
/// A request with a valid cookie costs three compressions of SHA-256, if the rollout's id, the host (or the cookie's domain)
/// and the unit have 63 bytes or fewer together. It takes no lock, allocates nothing and counts no reference. A request that is sent a cookie costs a string.
@safe public struct SessionRouter: Sendable {
    private let unmanaged: Unmanaged<SessionState>

    /// The shared state, without counting a reference: it is never released.
    var state: SessionState { unsafe unmanaged._withUnsafeGuaranteedRef { $0 } }

    /// A session router. The buckets of visitors without a unit come from the system's random number generator.
    ///
    /// - Parameters:
    ///   - keys: The keys that sign and verify.
    ///   - decisionLife: How many seconds a decision may be under way to another service that adopts it.
    public init(keys: SigningKeys, decisionLife: Int = 60) {
        self.init(keys: keys, decisionLife: decisionLife) { Int.random(in: 0..<Share.bucketCount) }
    }

    /// A session router whose buckets come from elsewhere.
    init(keys: SigningKeys, decisionLife: Int = 60, drawBucket: @escaping @Sendable () -> Int) {
        let state = SessionState(keys: keys, decisionLife: Int64(decisionLife), drawBucket: drawBucket)
        SessionState.keep(state)
        unsafe unmanaged = .passUnretained(state)
    }

    /// The numbers of the keys that requests use from now on, in their order; the last one signs.
    ///
    /// For a status page: a rotation goes on when every replica shows its first step.
    public var keyIDs: [UInt8] { state.keys.keys.ids }

    /// Replaces the keys, in one atomic step.
    ///
    /// Requests that come after this use the new keys. A request under way ends with the keys that it began with: what it
    /// verifies and what it signs is never of two sets. Nobody waits for the other.
    ///
    ///     let change = try sessions.replaceKeys(with: SigningKeys(text: vault.read("rollout")))
    ///     if let change, !change.risks.isEmpty { log("\(change)") }
    ///
    /// A rotation that loses no session takes two of these on every replica; see <doc:making-assignments-sticky>. To
    /// follow a key file, use a ``KeyFollower``.
    ///
    /// Replaced keys stay in memory, about 800 bytes for two, because requests may still use them. Keys that were in use
    /// before cost nothing more. Keys with a ``MessageAuthenticator`` cannot be compared, and count as others each time.
    ///
    /// - Parameter keys: The new keys.
    /// - Returns: The numbers before and now, with the risks for sessions, or nil if these keys are in use already.
    /// - Throws: `SigningKeyError` (`tooManyChanges`) if this router has had 10,000 different sets of keys. The last ones stay
    ///   in use.
    @discardableResult
    public func replaceKeys(with keys: SigningKeys) throws(SigningKeyError) -> KeyChange? {
        try state.keys.replace(with: keys)
    }

    /// What this router has seen so far.
    public var counts: SessionCounts { state.counters.counts }

    /// The decision for a request, and the cookie to send back.
    ///
    /// The first of these decides: host rule, forced unit, valid token, draw, rule for a missing unit. A token is written
    /// only if the draw decided, or if a visitor logs in; see <doc:making-assignments-sticky>.
    ///
    /// Never throws and never traps, whatever the request holds. O(length of the cookies, the host and the unit).
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - handle: The rollout.
    /// - Returns: The decision of the policy that runs now.
    public func route(_ request: SessionRequest, through handle: RolloutHandle) -> SessionDecision {
        if let decision = handle.decisionFreeOfSessions(for: request.unitText) {
            return SessionDecision(decision: decision, token: .absent, dueCookie: nil)
        }
        return deliberate(request.unitText, request.hostText, request.cookies, at: request.now, through: handle)
    }

    /// The decision for a visitor whose assignment the service keeps in a store of its own, and not in a cookie.
    ///
    /// Decides as ``RolloutHandle/decision(for:host:holding:)`` does. Also says what became of the assignment, in
    /// ``SessionDecision/token``, and counts it if it has lost: ``TokenLoss/olderEpoch``, or ``TokenLoss/variantGone`` if
    /// the policy has no such variant any more. A visitor whose assignment has lost is drawn; they are not taken for one
    /// who is not enrolled. No cookie is read or written.
    ///
    /// Store ``Assignment/init(remembering:)`` of the decision unless its reason is `sticky`.
    ///
    /// - Parameters:
    ///   - unit: What is bucketed; nil and an empty text are no unit.
    ///   - host: The value of the `Host` header.
    ///   - assignment: What the store remembers of the visitor, or nil for nothing.
    ///   - handle: The rollout.
    /// - Returns: The decision of the policy that runs now.
    public func route(
        _ unit: String?,
        host: String? = nil,
        holding assignment: Assignment?,
        through handle: RolloutHandle
    ) -> SessionDecision {
        let judgement = RequestBytes.with(unit: unit, host: host) { request in
            handle.read { $0.judge(assignment, for: request) }
        }
        state.counters.count(judgement)
        return SessionDecision(decision: judgement.decision, token: judgement.verdict, dueCookie: nil)
    }

    /// A cookie that puts one browser into a variant.
    ///
    /// Send it to whom you like to invite: at a link of the service's own, for example, which only testers know. The browser
    /// gets the variant whatever its share is, zero included, until the cookie expires, the epoch rises (as an abort makes
    /// it), or the variant is disabled or gone. Its decisions have the reason `sticky` and no bucket, so that nobody takes them
    /// for a draw. Host rules and forced units go before it.
    ///
    /// - Parameters:
    ///   - variant: The variant.
    ///   - handle: The rollout.
    ///   - host: The value of the `Host` header, to which the cookie is bound unless it has a `domain`.
    ///   - unit: The unit to which the invitation is bound. Without one it is bound to the unit that first comes with it.
    ///   - now: The time of the request.
    /// - Returns: The value of the `Set-Cookie` header. Nil if the rollout has no such variant or has it disabled, if it draws
    ///   no units, if it keeps no cookie, or if the cookie cannot be written, which ``SessionCounts/unwritten(_:)`` counts.
    public func invite(
        to variant: VariantName,
        through handle: RolloutHandle,
        host: String? = nil,
        unit: String? = nil,
        now: UnixTime = .now
    ) -> String? {
        let request = SessionRequest(unit: unit, host: host, now: now)
        let (unit, host) = (request.unitText, request.hostText)
        let keys = state.keys.current
        let invitation = SessionBytes.with(unit: unit, host: host, cookies: "", now: now, keys: keys) { bytes in
            state.invitation(to: variant, bytes, through: handle)
        }
        guard let invitation else { return nil }
        state.counters.count(invitation: invitation)
        return invitation.cookie?.header
    }

    /// What makes a browser forget the rollout's cookie, with the answer to a log-out for example.
    ///
    /// It has the attributes of the cookie itself. A browser that is told others keeps the old cookie, and adds a second.
    ///
    /// - Parameter handle: The rollout.
    /// - Returns: The value of the `Set-Cookie` header, or nil if the rollout keeps no cookie.
    public func deletion(through handle: RolloutHandle) -> String? {
        let reference = handle.read { $0.cookie }
        return unsafe reference.record?.pointee.rules.cookie.deletion
    }

    /// The texts come one by one, because a closure that captured the request would copy it and count its references.
    @inline(never)
    private func deliberate(
        _ unit: String,
        _ host: String,
        _ cookies: String,
        at now: UnixTime,
        through handle: RolloutHandle
    ) -> SessionDecision {
        let keys = unsafe unmanaged._withUnsafeGuaranteedRef { state in state.keys.current }
        let answer = SessionBytes.with(unit: unit, host: host, cookies: cookies, now: now, keys: keys) { bytes in
            unsafe unmanaged._withUnsafeGuaranteedRef { state in state.route(bytes, through: handle) }
        }
        // A request makes its texts native, so there is an answer; the plain decision keeps this total.
        return answer ?? SessionDecision(decision: handle.decision(for: unit), token: .absent, dueCookie: nil)
    }
}
