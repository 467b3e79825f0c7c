/// The keys of a service: every one verifies, the last one signs.
///
/// To change a key without losing a session: add the new one as the *first*, everywhere; move it to the end, everywhere;
/// remove the old one once the longest `maxAge` has passed.
///
///     let keys = try SigningKeys(contentsOf: "/run/secrets/rollout.keys")
///     let sessions = SessionRouter(keys: keys)
public struct SigningKeys: Sendable {
    let keys: [SigningKey]

    /// The numbers of the keys in their order; the last one signs.
    public var ids: [UInt8] { keys.map(\.id) }

    /// Keys in order; the last one signs.
    ///
    /// - Parameter keys: At least one, no number and no secret twice.
    /// - Throws: `SigningKeyError` with the first problem.
    public init(_ keys: [SigningKey]) throws(SigningKeyError) {
        guard !keys.isEmpty else { throw SigningKeyError(.noKey, "there is no key; at least one is needed") }
        for (index, key) in keys.enumerated() { try Self.check(key, against: keys[..<index]) }
        self.keys = keys
    }

    /// Refuses a key that repeats another.
    static func check(_ key: SigningKey, against others: ArraySlice<SigningKey>) throws(SigningKeyError) {
        if others.contains(where: { $0.id == key.id }) {
            throw SigningKeyError(.duplicateID, "key \(key.id) is there twice; each needs a number of its own")
        }
        if let twin = others.first(where: { $0.hasSecret(of: key) }) {
            throw SigningKeyError(.duplicateSecret, "keys \(twin.id) and \(key.id) have the same secret")
        }
    }
}

extension SigningKeys: CustomStringConvertible, CustomReflectable {
    /// The numbers of the keys: `keys 1, 2 (2 signs)`.
    public var description: String {
        let last = ids.last.map { " (\($0) signs)" } ?? ""
        return "keys " + ids.map(String.init).joined(separator: ", ") + last
    }

    /// The numbers of the keys, so that no dump shows more.
    public var customMirror: Mirror { Mirror(self, children: ["ids": ids]) }
}
