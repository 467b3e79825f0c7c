import Rollout

extension Command {
    /// Makes a key.
    static let keys = Command(
        name: "keys",
        operands: [Operand(name: "new", isRequired: true)],
        summary: "prints a fresh line for a key file; only its owner may read that file (chmod 600)"
    ) { arguments throws(Stop) in
        guard arguments.operand(0) == "new" else {
            let word = arguments.operand(0) ?? ""
            throw .unusable("keys: unknown operation \(quoted(word))\(suggestion(for: word, among: ["new"]))")
        }
        // The id tells the keys of one file apart, so any will do. A file that has it already is refused as a whole.
        var output = Output.standard
        output.append(line: SigningKeys.freshLine(id: .random(in: 0...255)))
        try output.flush()
        return .success
    }
}
