extension PolicyReader {
    /// A bucketing, or nil if its hash cannot be read.
    mutating func bucketing(_ value: JSONValue) -> Bucketing? {
        let keys = ["hash", "text", "encoding", "seed", "bits", "signed", "buckets", "reduce"]
        guard checkObject(value, keys: keys), let word = required("hash", of: value), let hash = hash(word) else {
            return nil
        }
        var bucketing = Bucketing(hash)
        for key in hash.meaninglessKeys {
            if let member = value[key] { report(.badBucketing, at: member, hash.isMeaningless(key), atKey: true) }
        }
        func member(_ key: String) -> JSONValue? { hash.meaninglessKeys.contains(key) ? nil : value[key] }
        if let text = member("text") { bucketing.text = self.text(text) ?? bucketing.text }
        if let encoding = member("encoding") {
            bucketing.encoding = choice(encoding, Bucketing.Encoding.self) ?? bucketing.encoding
        }
        if let seed = member("seed") { bucketing.seed = UInt32(integer(seed, in: 0...Int(UInt32.max)) ?? 0) }
        if let bits = member("bits") { bucketing.bits = integer(bits, in: PolicyLimits.digestBits) ?? bucketing.bits }
        if let signed = member("signed") { bucketing.isSigned = boolean(signed) ?? bucketing.isSigned }
        if let buckets = value["buckets"] { bucketing.buckets = integer(buckets, in: PolicyLimits.buckets) }
        if let reduction = member("reduce") {
            bucketing.reduction = choice(reduction, Bucketing.Reduction.self) ?? bucketing.reduction
            if value["buckets"] == nil { report(.badBucketing, at: reduction, Bucketing.reducesNothing, atKey: true) }
        }
        return bucketing
    }

    private mutating func hash(_ value: JSONValue) -> Bucketing.Hash? {
        guard let text = text(value) else { return nil }
        let words = Bucketing.Hash.allCases.map(\.rawValue)
        if let hash = Bucketing.Hash.allCases.first(where: { $0.rawValue.utf8.elementsEqual(text.utf8) }) {
            return hash
        }
        let hint = Self.hash(meantBy: text, among: words).map { "; did you mean \"\($0)\"?" } ?? ""
        report(.unknownValue, at: value, "expected \(alternatives(words)), found \(value.excerpt)\(hint)")
        return nil
    }

    /// The hash that a word in any spelling probably means: the nearest one, or the first that begins as it does.
    private static func hash(meantBy text: String, among words: [String]) -> String? {
        guard text.utf8.count <= 32 else { return nil }
        let word = text.lowercased()
        return nearest(to: word, among: words)
            ?? words.first { $0.prefix { $0 != "-" && !$0.isNumber } == word.prefix { $0 != "-" && !$0.isNumber } }
            ?? words.first { $0.hasPrefix(word.prefix(3)) }
    }
}

extension Bucketing.Hash {
    /// The keys of a bucketing that mean nothing with this hash.
    var meaninglessKeys: [String] {
        if self == .integer { return ["text", "encoding", "seed", "bits", "signed", "reduce"] }
        return (isSeeded ? [] : ["seed"]) + (isDigest ? ["signed"] : ["bits"])
    }

    /// What is to be said of such a key.
    func isMeaningless(_ key: String) -> String { "\"\(rawValue)\" makes no use of \"\(key)\": leave it out" }
}

extension Bucketing {
    /// What is to be said of a reduction to no buckets.
    static let reducesNothing =
        "\"reduce\" needs \"buckets\", to which the number is reduced: add them, or leave this out"
}
