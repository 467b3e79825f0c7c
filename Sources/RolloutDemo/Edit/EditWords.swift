import Rollout

/// The words after an operation's name, read one after the other as what they stand for.
struct EditWords {
    private let operation: EditOperation
    private var words: ArraySlice<String>

    init(_ words: ArraySlice<String>, of operation: EditOperation) {
        self.operation = operation
        self.words = words
    }

    /// The next word, whatever it is, or nil where there is none.
    mutating func next() -> String? { words.popFirst() }

    mutating func id() throws(Stop) -> RolloutID {
        let word = try word("ID")
        guard let id = RolloutID(word) else { throw unusable("ID", Self.name, word) }
        return id
    }

    mutating func variant() throws(Stop) -> VariantName {
        let word = try word("VARIANT")
        guard let variant = VariantName(word) else { throw unusable("VARIANT", Self.name, word) }
        return variant
    }

    mutating func share() throws(Stop) -> Share {
        let word = try word("PERCENT")
        guard let share = Share(percentText: word) else {
            throw unusable("PERCENT", "a multiple of 0.0001 in 0 ... 100, without a sign for percent", word)
        }
        return share
    }

    mutating func unit() throws(Stop) -> UnitID { UnitID(try word("UNIT")) }

    mutating func release() throws(Stop) -> Release {
        var versions: [Release.Component: String] = [:]
        try pairs("COMPONENT=VERSION", "app=v2") { name, version in
            guard let component = Release.Component(name), versions[component] == nil else { return false }
            versions[component] = version
            return true
        }
        return Release(versions)
    }

    mutating func weights() throws(Stop) -> [VariantName: Int] {
        var weights: [VariantName: Int] = [:]
        try pairs("VARIANT=WEIGHT", "treatment=3") { name, text in
            guard let variant = VariantName(name), let weight = Int(text), weights[variant] == nil else { return false }
            weights[variant] = weight
            return true
        }
        return weights
    }

    /// Refuses words that nobody has asked for.
    func finish() throws(Stop) {
        if let word = words.first { throw unusable("unexpected \(quoted(word))") }
    }

    private static let name = "1 to 64 of the characters A-Z a-z 0-9 . _ -"

    private mutating func word(_ what: String) throws(Stop) -> String {
        guard let word = words.popFirst() else { throw unusable("\(what) is missing") }
        return word
    }

    /// Takes all words that are left as `name=value`, each name once, at least one.
    private mutating func pairs(_ what: String, _ example: String, _ take: (String, String) -> Bool) throws(Stop) {
        var word = try word(what)
        while true {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, take(parts[0], parts[1]) else {
                throw unusable(what, "such as \(example), and each name once", word)
            }
            guard let next = words.popFirst() else { return }
            word = next
        }
    }

    private func unusable(_ what: String, _ expected: String, _ found: String) -> Stop {
        unusable("\(what): expected \(expected), found \(quoted(found))")
    }

    private func unusable(_ message: String) -> Stop {
        .unusable("edit \(operation.name): \(message)\nusage: \(Program.name) edit FILE \(operation.usage)")
    }
}
