/// A key that signs and verifies tokens, under a number that tokens name it by.
///
/// It holds no secret in readable form, and prints none.
public struct SigningKey: Sendable {
    enum Method: Sendable {
        case hmac(HMACSHA256)
        case other(any MessageAuthenticator)
    }

    /// The number that tokens name the key by.
    let id: UInt8
    let method: Method

    /// The fewest bytes of a secret: as many as the hash has, so that the secret is not the weakest part.
    static let minimumSecretLength = 32

    /// A key made of a secret.
    ///
    /// - Parameters:
    ///   - id: The number that tokens name the key by.
    ///   - secret: At least 32 random bytes, known to the services that share cookies and to nobody else. Never the salt.
    /// - Throws: `SigningKeyError` if the secret is too short.
    public init(id: UInt8, secret: [UInt8]) throws(SigningKeyError) {
        guard secret.count >= Self.minimumSecretLength else {
            throw SigningKeyError(.shortSecret, "key \(id) has \(secret.count) bytes; at least 32 are needed")
        }
        self.id = id
        self.method = .hmac(HMACSHA256(key: secret))
    }

    /// A key that somebody else holds.
    public init(id: UInt8, authenticator: some MessageAuthenticator) {
        self.id = id
        self.method = .other(authenticator)
    }

    /// Whether both are of one secret, as far as the library can know.
    func hasSecret(of other: SigningKey) -> Bool { isSecretShared(with: other) ?? false }

    /// Whether both have one number and one secret. An authenticator is believed to have that of the number.
    func isSame(as other: SigningKey) -> Bool { id == other.id && isSecretShared(with: other) ?? true }

    /// Whether both are of one secret, or nil if the library cannot know.
    private func isSecretShared(with other: SigningKey) -> Bool? {
        guard case .hmac(let mine) = method, case .hmac(let theirs) = other.method else { return nil }
        return mine.begin().finalize() == theirs.begin().finalize()
    }
}

extension SigningKey: CustomStringConvertible, CustomReflectable {
    /// The key's number.
    public var description: String { "key \(id)" }

    /// The key's number, so that no dump shows more.
    public var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}
