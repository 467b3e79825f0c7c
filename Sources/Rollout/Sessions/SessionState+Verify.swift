extension SessionState {
    /// The tokens of a request, each as far as it can be judged without a policy's epoch.
    func received(_ bytes: SessionBytes, _ cookie: UnsafePointer<CookieRecord>) -> ReceivedTokens {
        var tokens = ReceivedTokens()
        var scanner = unsafe CookieScanner(bytes.cookies, name: cookie.pointee.name)
        while !tokens.isFull, let value = unsafe scanner.next() {
            unsafe tokens.append(verified(value, for: bytes, cookie))
        }
        return tokens
    }

    /// The token of a cookie's value, with the first reason not to honour it.
    func verified(
        _ value: UnsafeRawBufferPointer,
        for bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>
    ) -> ReceivedTokens.Entry {
        guard let signed = unsafe TokenBytes(text: value, in: base64) else { return .refused(.malformed) }
        guard let token = StickyToken(signed) else { return .refused(.unknownVersion) }
        guard keys.hasKey(token.key) else { return .refused(.unknownKey) }
        guard let isBoundToUnit = unsafe binding(of: signed, key: token.key, bytes, cookie) else {
            return .refused(.badTag)
        }
        let loss = unsafe token.loss(at: bytes.now, maxAge: cookie.pointee.rules.cookie.maxAge)
        return ReceivedTokens.Entry(token: token, isBoundToUnit: isBoundToUnit, loss: loss)
    }

    /// Whether the tag is right for the request's unit, or else for no unit; nil for neither.
    ///
    /// A token issued to nobody is accepted from somebody, so that logging in does not change the version.
    private func binding(
        of signed: TokenBytes,
        key: UInt8,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>
    ) -> Bool? {
        if let tag = unsafe tag(of: signed, key: key, unit: bytes.unit, bytes, cookie), tag.matches(signed.tag) {
            return bytes.hasUnit
        }
        let nobody = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        guard bytes.hasUnit, let tag = unsafe tag(of: signed, key: key, unit: nobody, bytes, cookie),
            tag.matches(signed.tag)
        else { return nil }
        return false
    }

    func tag(
        of token: TokenBytes,
        key: UInt8,
        unit: UnsafeRawBufferPointer,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>
    ) -> AuthenticationTag? {
        let message = unsafe TokenMessage(token, rollout: cookie.pointee.rollout, host: bytes.host, unit: unit)
        return keys.tag(of: message, with: key)
    }
}
