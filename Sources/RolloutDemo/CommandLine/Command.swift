/// Something the program does, called by its name on the command line.
struct Command: Sendable {
    let name: String
    /// What follows the name, beside the options: `[REQUESTS]`.
    var operands: [Operand] = []
    var options: [Option] = []
    /// What it does, in one line.
    let summary: String
    /// What its own help tells beside that, by lines.
    var details: [String] = []
    let run: @Sendable (Arguments) async throws(Stop) -> ExitStatus

    /// Every command, in the order of the help.
    static let all: [Command] = [.route, .check, .explain, .plan, .edit, .keys]

    static func named(_ name: String) -> Command? { all.first { $0.name == name } }

    /// How the command is called: `route --policy FILE [--quiet] [REQUESTS]`.
    var usage: String {
        let words = options.map { $0.isRequired ? $0.usage : "[\($0.usage)]" }
        return ([name] + words + operands.map { $0.isRequired ? $0.name : "[\($0.name)]" }).joined(separator: " ")
    }
}

/// A word of the command line that is no option.
struct Operand: Sendable {
    let name: String
    var isRequired = false
    /// Whether more of them may follow; only the last operand.
    var isRepeated = false
}

/// A word of the command line that starts with `--`, and the value after it if it takes one.
struct Option: Sendable {
    let name: String
    /// What stands for the value in the help; nil for an option without one.
    var value: String?
    var isRequired = false
    let summary: String

    var usage: String { value.map { "\(name) \($0)" } ?? name }
}

extension Option {
    static let policy = Option(name: "--policy", value: "FILE", isRequired: true, summary: "the policy document")
    static let now = Option(name: "--now", value: "UNIX", summary: "the time (default: the clock's)")
    static let keys = Option(
        name: "--keys",
        value: "FILE",
        summary: "the keys of cookies; without it none are read or written"
    )
    static let help = Option(name: "--help", summary: "how to call the command")
}
