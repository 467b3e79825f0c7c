extension SessionState {
    /// The token to send back, or nil for none.
    ///
    /// | decided by | the request's token | due |
    /// | --- | --- | --- |
    /// | token | bound to the unit, or no unit | nothing: a life is never extended |
    /// | token | issued without a unit, and now there is one | the same bucket and life, bound to the unit |
    /// | draw | of a later revision in the same epoch | nothing: this replica is behind |
    /// | draw | valid, bound, and says the same | nothing |
    /// | draw of a known unit, pin `bucket` | any | nothing: the unit itself is as good |
    /// | draw | any other, or none | what was drawn, from now on |
    /// | host, forced unit, newer epoch, missing unit | any | nothing |
    @inline(__always)
    func tokenDue(
        _ judgement: Judgement,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>
    ) -> StickyToken? {
        let held = judgement.held
        let isBound = held.map { $0.isBoundToUnit == bytes.hasUnit } ?? false
        if judgement.decision.reason == .sticky, isBound { return nil }
        if judgement.isBehind { return nil }
        switch judgement.decision.reason.code {
        case .sticky: return held.map { loginToken($0.token, judgement.decision) }
        case .split, .notEnrolled: return unsafe drawnToken(judgement, isBound: isBound, bytes, cookie)
        case .fixed, .forced, .host, .missingUnit, .stale, .absent: return nil
        }
    }

    /// The visitor's token as the unit's: only its owner changes, and who signed it.
    private func loginToken(_ token: StickyToken, _ decision: Decision) -> StickyToken {
        var token = token
        token.key = keys.signingID
        token.revision = decision.revision
        return token
    }

    @inline(never)
    private func drawnToken(
        _ judgement: Judgement,
        isBound: Bool,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>
    ) -> StickyToken? {
        let pinsBucket = unsafe cookie.pointee.rules.cookie.pin == .bucket
        if pinsBucket, bytes.hasUnit { return nil }
        if isBound, let held = judgement.held?.token, held.says(judgement.decision, pinsBucket: pinsBucket) {
            return nil
        }
        // Nil if a rule that names a disabled variant led to the first variant: that was no draw.
        guard let drawn = Assignment(remembering: judgement.decision),
            let times = unsafe StickyToken.times(at: bytes.now, maxAge: cookie.pointee.rules.cookie.maxAge)
        else { return nil }
        return StickyToken(
            key: keys.signingID,
            variant: drawn.tag,
            bucket: drawn.bucketField,
            epoch: drawn.epoch,
            revision: drawn.revision,
            issued: times.issued,
            expires: times.expires
        )
    }

    /// The token signed, or nil if the key's holder cannot sign now.
    @inline(never)
    func signed(
        _ token: StickyToken,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>
    ) -> DueCookie? {
        var signed = token.bytes
        guard let tag = unsafe tag(of: signed, key: token.key, unit: bytes.unit, bytes, cookie) else { return nil }
        signed.tag = tag
        return unsafe DueCookie(
            token: signed,
            cookie: CookieReference(cookie),
            maxAge: Int64(token.expires) - bytes.now
        )
    }
}

extension StickyToken {
    /// Whether a valid token says already what was drawn.
    ///
    /// A token that names a variant never does if the variant is pinned, because then it would have decided itself.
    fileprivate func says(_ decision: Decision, pinsBucket: Bool) -> Bool {
        guard decision.bucket == Int(bucket) else { return false }
        return pinsBucket || decision.reason == .notEnrolled && variant == .notEnrolled
    }
}
