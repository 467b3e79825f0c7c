/// Computes the tags of tokens in place of the HMAC-SHA256 that comes with the library: for a service that must use
/// swift-crypto, or whose key never leaves a vault.
///
///     struct CryptoAuthenticator: MessageAuthenticator {
///         let key: SymmetricKey
///         func tag(of message: Span<UInt8>) -> AuthenticationTag? {
///             AuthenticationTag(
///                 message.withUnsafeBytes { HMAC<SHA256>.authenticationCode(for: $0, using: key) })
///         }
///     }
///
/// Other services check tokens too, so the tag must be HMAC-SHA256. For each tag the message is put together in a buffer on
/// the heap; the library's own HMAC needs none.
///
/// The tags of one number come from one secret for ever. To change it, give the new one a number of its own, and call
/// ``SessionRouter/replaceKeys(with:)``. Requests under way may still ask the authenticator that was replaced: let it answer
/// until they have ended, or they believe no token and write none. A session router never releases an authenticator that it
/// has used, so let go of what it holds, such as a connection, by a method of its own.
public protocol MessageAuthenticator: Sendable {
    /// HMAC-SHA256 of the message, or nil if it cannot be had now: then no token is believed, and none is written.
    func tag(of message: Span<UInt8>) -> AuthenticationTag?
}

/// The first 16 bytes of a message's HMAC-SHA256.
public struct AuthenticationTag: Sendable {
    let words: (UInt64, UInt64)

    init(words: (UInt64, UInt64)) { self.words = words }

    /// The tag in an authentication code's first 16 bytes, or nil if the code has fewer.
    public init?(_ code: some Sequence<UInt8>) {
        var words: (UInt64, UInt64) = (0, 0)
        var count = 0
        for byte in code.prefix(16) {
            words = (words.0 << 8 | words.1 >> 56, words.1 << 8 | UInt64(byte))
            count += 1
        }
        guard count == 16 else { return nil }
        self.words = words
    }

    /// Whether two tags are equal, in a time that does not depend on where they differ.
    func matches(_ other: AuthenticationTag) -> Bool { HMACSHA256.isEqual16(words, other.words) }
}
