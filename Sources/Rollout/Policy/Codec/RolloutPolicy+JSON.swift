extension RolloutPolicy {
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
