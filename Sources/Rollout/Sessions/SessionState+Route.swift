extension SessionState {
    /// Decides by one policy, and by the cookie of the same one.
    ///
    /// A policy is looked at twice, before the signatures are checked and after. Where an update came in between, all
    /// starts again: then the name of the cookie, its life or the epoch may be others. So each repetition is
    /// some writer's progress.
    func route(_ bytes: SessionBytes, through handle: RolloutHandle) -> SessionDecision {
        while true {
            let (origin, reference) = handle.read { ($0.origin, $0.cookie) }
            guard let cookie = unsafe reference.record else {
                if let plain = handle.decision(for: bytes.request, holding: nil, at: origin) {
                    return SessionDecision(decision: plain, token: .absent, dueCookie: nil)
                }
                continue
            }
            let tokens = unsafe received(bytes, cookie)
            guard
                var judgement = handle.read({ $0.origin == origin ? $0.judge(tokens, for: bytes.request) : nil }),
                unsafe assignIfMissing(&judgement, bytes, cookie, handle)
            else { continue }
            return unsafe answer(judgement, bytes, cookie)
        }
    }

    /// Gives a visitor without a unit and without a bucket one, if the policy says so; false where the policy changed.
    @inline(__always)
    private func assignIfMissing(
        _ judgement: inout Judgement,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>,
        _ handle: RolloutHandle
    ) -> Bool {
        guard let fresh = unsafe freshBucket(judgement.decision, cookie) else { return true }
        guard let decision = handle.decision(for: bytes.request, holding: fresh, at: judgement.decision.origin)
        else { return false }
        judgement.decision = decision
        return true
    }

    /// A bucket for a visitor who has neither a unit nor a bucket, or nil if the policy gives none.
    @inline(__always)
    func freshBucket(_ decision: Decision, _ cookie: UnsafePointer<CookieRecord>) -> Assignment? {
        guard decision.reason == .missingUnit, unsafe cookie.pointee.rules.assignsMissing else { return nil }
        return Assignment(onlyBucket: UInt32(truncatingIfNeeded: drawBucket()))
    }

    @inline(__always)
    private func answer(
        _ judgement: Judgement,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>
    ) -> SessionDecision {
        counters.count(judgement)
        let due = unsafe tokenDue(judgement, bytes, cookie).flatMap { unsafe signed($0, bytes, cookie) }
        if due != nil { counters.countWritten() }
        return SessionDecision(decision: judgement.decision, token: judgement.verdict, dueCookie: due)
    }
}

extension RolloutHandle {
    /// The decision of one certain policy, or nil where another runs by now.
    @inline(__always)
    func decision(for request: RequestBytes, holding assignment: Assignment?, at origin: UInt64) -> Decision? {
        read { $0.origin == origin ? $0.decision(for: request, holding: assignment) : nil }
    }
}
