extension SigningKeys {
    /// The keys in the text of a key file: one a line, `ID BASE64`; `#` starts a comment.
    ///
    ///     # ours since November
    ///     7 q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=
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
