/// The keys of a service: every one verifies, the last one signs.
///
///     let keys = try SigningKeys(contentsOf: "/run/secrets/rollout.keys")
///     let sessions = SessionRouter(keys: keys)
///
/// ``SessionRouter/replaceKeys(with:)`` and ``KeyFollower`` change them while the service runs. To change a key without losing
/// a session:
/// 1. add the new key as the *first* one, everywhere;
/// 2. move it to the end, everywhere;
/// 3. remove the old key when the longest `maxAge` has passed.
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

extension SigningKeys {
    /// The keys in the text of a key file: one a line, `ID BASE64`; `#` starts a comment.
    ///
    ///     # ours since November
    ///     7 q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=
    ///
    /// For keys that come from elsewhere than a file, such as a vault or an environment variable.
    ///
    /// - Parameter text: The text; lines end with LF or CRLF.
    /// - Throws: `SigningKeyError` with the first problem and its line.
    public init(text: String) throws(SigningKeyError) { try self.init(bytes: Array(text.utf8)) }

    /// The keys in the bytes of a key file.
    init(bytes: [UInt8]) throws(SigningKeyError) {
        var keys: [SigningKey] = []
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            do throws(SigningKeyError) {
                guard let key = try Self.key(inLine: line) else { continue }
                try Self.check(key, against: keys[...])
                keys.append(key)
            } catch {
                throw error.at(line: index + 1)
            }
        }
        try self.init(keys)
    }

    /// The key in a line, or nil for a line without one.
    private static func key(inLine line: ArraySlice<UInt8>) throws(SigningKeyError) -> SigningKey? {
        if let message = ByteOrderMark.message(of: line) { throw SigningKeyError(.byteOrderMark, message) }
        let content = line.prefix { $0 != UInt8(ascii: "#") }
        let words = content.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }
        if words.isEmpty { return nil }
        guard words.count == 2 else {
            let found = words.count == 1 ? "one word" : "\(words.count) words"
            throw SigningKeyError(.badLine, "expected \"ID BASE64\", found \(found)")
        }
        guard let id = id(words[0]) else {
            throw SigningKeyError(.badID, "expected a number from 0 to 255 before the secret, without leading zeros")
        }
        guard let secret = Base64.standard.decode(words[1]) else {
            throw SigningKeyError(.badSecret, "the secret of key \(id) is not base64 (standard alphabet, padded)")
        }
        return try SigningKey(id: id, secret: secret)
    }

    private static func id(_ digits: ArraySlice<UInt8>) -> UInt8? {
        let isShortest = digits.count == 1 || digits.first != UInt8(ascii: "0")
        guard isShortest, digits.count <= 3, digits.allSatisfy(isDigit) else { return nil }
        return UInt8(exactly: digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) })
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    /// A line for a key file with a fresh secret of 32 bytes from the system's generator.
    public static func freshLine(id: UInt8) -> String {
        var generator = SystemRandomNumberGenerator()
        let secret = (0..<SigningKey.minimumSecretLength).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return "\(id) \(Base64.standard.encode(secret))"
    }
}

extension SigningKeys {
    /// Who may be able to read a key file. A minor release may add more.
    public struct Readers: Hashable, Sendable, CustomStringConvertible {
        /// Who it is, in a word: `owner`, `group`, `everyone`.
        public let description: String
        /// The permissions that a file may have beside its owner's. Nobody else may ever write it: who writes a key signs.
        let permissions: UInt32

        /// Only the file's owner, as is right for a file that somebody keeps on a disk.
        public static let owner = Readers(description: "owner", permissions: 0)
        /// The file's group too: a secret that Kubernetes mounts for a pod with an `fsGroup`, for example.
        public static let group = Readers(description: "group", permissions: 0o050)
        /// Everyone who gets at the file: a secret that Docker mounts, or Kubernetes by default, within a container that only
        /// the service uses.
        public static let everyone = Readers(description: "everyone", permissions: 0o055)
    }

    /// The keys in a file; see ``init(text:)`` for what is in it.
    ///
    /// The permissions are those of the file that was opened, so nobody can exchange the file between the check and the
    /// read.
    ///
    /// - Parameters:
    ///   - path: The file. A link is followed.
    ///   - readers: Who may be able to read the file. Others than its owner may never be able to write it.
    /// - Throws: `SigningKeyError` if the file cannot be read, if others may use it, or if its text is wrong.
    public init(contentsOf path: String, allowing readers: Readers = .owner) throws(SigningKeyError) {
        try self.init(bytes: try KeyFile.bytes(at: path, allowing: readers))
    }
}

extension SigningKeys: CustomStringConvertible, CustomReflectable {
    /// The numbers of the keys: `keys 1, 2 (2 signs)`.
    public var description: String { Self.text(ids) }

    static func text(_ ids: [UInt8]) -> String {
        let last = ids.last.map { " (\($0) signs)" } ?? ""
        return "keys " + ids.map(String.init).joined(separator: ", ") + last
    }

    /// The numbers of the keys, so that no dump shows more.
    public var customMirror: Mirror { Mirror(self, children: ["ids": ids]) }
}
