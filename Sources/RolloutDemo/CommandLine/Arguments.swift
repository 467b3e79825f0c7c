import Rollout

/// The words after a command's name, sorted into options and operands.
struct Arguments {
    private let command: Command
    private var values: [String: String] = [:]
    private var operands: [String] = []

    /// Sorts the words. Options come anywhere, as `--name value` or `--name=value`; after `--` all words are operands.
    init(_ words: some Sequence<String>, of command: Command) throws(Stop) {
        self.command = command
        var words = Array(words)[...]
        while let word = words.popFirst() {
            if word == "--" {
                operands += words
                break
            }
            if word.utf8.first == UInt8(ascii: "-"), word != "-" {
                try takeOption(word, &words)
            } else {
                operands.append(word)
            }
        }
        if wantsHelp { return }
        try checkOperands()
        for option in command.options where option.isRequired && values[option.name] == nil {
            throw unusable("\(option.usage) is missing")
        }
    }

    var wantsHelp: Bool { has(.help) }

    func has(_ option: Option) -> Bool { values[option.name] != nil }

    subscript(option: Option) -> String? { values[option.name] }

    /// The value of an option that is required.
    func required(_ option: Option) throws(Stop) -> String {
        guard let value = self[option] else { throw unusable("\(option.usage) is missing") }
        return value
    }

    /// The value of an option that is a time in Unix seconds.
    func time(_ option: Option) throws(Stop) -> UnixTime? {
        guard let text = self[option] else { return nil }
        guard let number = Int64(text) else { throw unusable("\(option.name) needs an integer, found \"\(text)\"") }
        return UnixTime(seconds: number)
    }

    /// Who may be able to read the key file.
    func keyReaders() throws(Stop) -> SigningKeys.Readers {
        guard let who = self[.keysReadableBy] else { return .owner }
        let name = Option.keysReadableBy.name
        guard has(.keys) else { throw unusable("\(name) has no effect without \(Option.keys.usage)") }
        let known = [SigningKeys.Readers.group, .everyone]
        guard let readers = known.first(where: { $0.description == who }) else {
            let meant = suggestion(for: who, among: known.map(\.description))
            throw unusable("\(name): unknown \"\(who)\"" + meant)
        }
        return readers
    }

    /// An operand by its place, or nil if there are fewer.
    func operand(_ index: Int) -> String? { operands.indices.contains(index) ? operands[index] : nil }

    /// The operands from a place on.
    func operands(from index: Int) -> [String] { Array(operands.dropFirst(index)) }

    private mutating func takeOption(_ word: String, _ words: inout ArraySlice<String>) throws(Stop) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts[0] == "-h" ? Option.help.name : String(parts[0])
        let known = command.options + [.help]
        guard let option = known.first(where: { $0.name == name }) else {
            throw unusable("unknown option \"\(name)\"" + suggestion(for: name, among: known.map(\.name)))
        }
        guard values[name] == nil else { throw unusable("\(name) is given twice") }
        let attached = parts.count > 1 ? String(parts[1]) : nil
        guard option.value != nil else {
            guard attached == nil else { throw unusable("\(name) takes no value") }
            values[name] = ""
            return
        }
        let isNextAnOption = words.first.map { next in known.contains { $0.name == next } } ?? true
        guard let value = attached ?? (isNextAnOption ? nil : words.popFirst()) else {
            throw unusable("\(option.usage): the value is missing")
        }
        values[name] = value
    }

    private func checkOperands() throws(Stop) {
        if let missing = command.operands.dropFirst(operands.count).first(where: \.isRequired) {
            throw unusable("\(missing.name) is missing")
        }
        if operands.count > command.operands.count, command.operands.last?.isRepeated != true {
            throw unusable("unexpected \"\(operands[command.operands.count])\"")
        }
    }

    func unusable(_ message: String) -> Stop {
        .unusable("\(command.name): \(message)\nusage: \(Program.name) \(command.usage)")
    }
}

/// The end of a sentence about an unknown word: the word that was probably meant, or all known words.
func suggestion(for word: String, among known: [String]) -> String {
    if let meant = nearest(to: word, among: known) { return "; did you mean \"\(meant)\"?" }
    return known.isEmpty ? "" : "; there is \(alternatives(known))"
}
