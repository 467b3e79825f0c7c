/// The keys as requests use them: found by number without a search, read without a reference count.
///
/// Its memory is never freed, because it is part of a `SessionState`, which is kept for ever. Unchecked, because of the
/// pointers: nothing is written after `init`.
@safe struct KeyTable: @unchecked Sendable {
    /// The number of the key that signs.
    let signingID: UInt8

    /// For each number, 1 + the place of its key in `hmacs`, or -1 - the place in `others`, or 0 for none.
    private let places: UnsafeMutablePointer<Int16>
    private let hmacs: UnsafeMutablePointer<HMACSHA256>
    private let others: [any MessageAuthenticator]

    init(_ keys: SigningKeys) {
        signingID = keys.ids.last ?? 0
        unsafe places = .allocate(capacity: 256)
        unsafe places.initialize(repeating: 0, count: 256)
        unsafe hmacs = .allocate(capacity: keys.keys.count)
        var others: [any MessageAuthenticator] = []
        var count = 0
        for key in keys.keys {
            switch key.method {
            case .hmac(let hmac):
                unsafe (hmacs + count).initialize(to: hmac)
                count += 1
                unsafe places[Int(key.id)] = Int16(count)
            case .other(let authenticator):
                others.append(authenticator)
                unsafe places[Int(key.id)] = Int16(-others.count)
            }
        }
        self.others = others
    }

    func hasKey(_ id: UInt8) -> Bool { unsafe places[Int(id)] != 0 }

    /// The tag of a message under a key, or nil if there is no such key, or its holder cannot tell.
    @inline(__always)
    func tag(of message: some SignedMessage, with id: UInt8) -> AuthenticationTag? {
        let place = unsafe Int(places[Int(id)])
        if place > 0 {
            var context = unsafe hmacs[place - 1].begin()
            message.write(to: &context)
            return AuthenticationTag(words: context.finalize().first16Bytes)
        }
        return place < 0 ? tag(of: message, by: others[-place - 1]) : nil
    }

    @inline(never)
    private func tag(
        of message: some SignedMessage,
        by authenticator: any MessageAuthenticator
    ) -> AuthenticationTag? {
        var buffer = MessageBuffer()
        message.write(to: &buffer)
        return authenticator.tag(of: buffer.bytes.span)
    }
}
