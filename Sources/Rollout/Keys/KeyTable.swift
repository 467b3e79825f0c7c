import Synchronization

/// Some keys as requests use them: found by number without a search, read without a reference count.
///
/// A table is one word, and is never freed: `KeyCell` says why, and how many there can be. It takes about 650 bytes, and 64 for
/// each key that the library holds itself. Unchecked, because of the pointers: nothing is written after `init`.
@safe struct KeyTable: @unchecked Sendable {
    @unsafe struct Content {
        /// The number of the key that signs.
        let signingID: UInt8
        /// For each number, 1 + the place of its key in `hmacs`, or -1 - the place in `others`, or 0 for none.
        let places: UnsafeMutablePointer<Int16>
        let hmacs: UnsafeMutablePointer<HMACSHA256>
        let others: [any MessageAuthenticator]
    }

    private let content: UnsafePointer<Content>

    init(_ keys: SigningKeys) {
        let places = UnsafeMutablePointer<Int16>.allocate(capacity: 256)
        let hmacs = UnsafeMutablePointer<HMACSHA256>.allocate(capacity: keys.keys.count)
        let content = UnsafeMutablePointer<Content>.allocate(capacity: 1)
        unsafe places.initialize(repeating: 0, count: 256)
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
        let signingID = keys.ids.last ?? 0
        unsafe content.initialize(
            to: Content(signingID: signingID, places: places, hmacs: hmacs, others: others)
        )
        unsafe self.content = UnsafePointer(content)
    }

    /// The number of the key that signs.
    var signingID: UInt8 { unsafe content.pointee.signingID }

    @inline(__always)
    func hasKey(_ id: UInt8) -> Bool { unsafe content.pointee.places[Int(id)] != 0 }

    /// The tag of a message under a key, or nil if there is no such key, or its holder cannot tell.
    @inline(__always)
    func tag(of message: some SignedMessage, with id: UInt8) -> AuthenticationTag? {
        let place = unsafe Int(content.pointee.places[Int(id)])
        if place > 0 {
            var context = unsafe content.pointee.hmacs[place - 1].begin()
            message.write(to: &context)
            return AuthenticationTag(words: context.finalize().first16Bytes)
        }
        return place < 0 ? tag(of: message, byOther: -place - 1) : nil
    }

    @inline(never)
    private func tag(of message: some SignedMessage, byOther index: Int) -> AuthenticationTag? {
        var buffer = MessageBuffer()
        message.write(to: &buffer)
        return unsafe content.pointee.others[index].tag(of: buffer.bytes.span)
    }
}

/// As the pointer that it is.
extension KeyTable: AtomicRepresentable {
    typealias AtomicRepresentation = UnsafePointer<Content>.AtomicRepresentation

    private init(content: UnsafePointer<Content>) { unsafe self.content = content }

    static func encodeAtomicRepresentation(_ table: consuming KeyTable) -> AtomicRepresentation {
        unsafe UnsafePointer<Content>.encodeAtomicRepresentation(table.content)
    }

    static func decodeAtomicRepresentation(_ word: consuming AtomicRepresentation) -> KeyTable {
        unsafe KeyTable(content: UnsafePointer<Content>.decodeAtomicRepresentation(word))
    }
}
