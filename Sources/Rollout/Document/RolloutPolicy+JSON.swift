extension RolloutPolicy {
    /// The policy of a JSON document.
    ///
    /// The reader is strict: unknown and duplicate keys, numbers that lose a digit and texts beyond the limits are refused.
    ///
    /// - Parameter bytes: The document in UTF-8, at most 16 MiB.
    /// - Throws: `PolicyError` with every problem, each with its line and column. A text that is no JSON has one.
    public init(json bytes: some Sequence<UInt8>) throws(PolicyError) {
        self = try PolicyReader.read(Array(bytes))
    }

    /// The policy of a JSON document held as text.
    ///
    /// - Parameter text: The document, at most 16 MiB.
    /// - Throws: `PolicyError` with every problem, each with its line and column.
    public init(json text: String) throws(PolicyError) {
        self = try PolicyReader.read(Array(text.utf8))
    }

    /// The policy as canonical JSON: sorted keys, no spaces, nothing that equals its default.
    ///
    /// Reading it gives the same policy again.
    public var json: String { PolicyWriter.tree(of: self).canonicalText }

    /// SHA-256 of ``json`` in hexadecimal: two policies with one digest are the same.
    public var digest: String {
        let digits = Array("0123456789abcdef")
        return SHA256.digest(PolicyWriter.tree(of: self).canonicalBytes).reduce(into: "") { text, byte in
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
    }
}
