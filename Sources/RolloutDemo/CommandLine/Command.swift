/// Something the program does, called by its name on the command line.
struct Command: Sendable {
    let name: String
    /// What follows the name, beside the options: `[REQUESTS]`.
    var operands: [Operand] = []
    var options: [Option] = []
    /// What it does, in one line.
    let summary: String
    /// Further lines of its own help.
    var details: [String] = []
    let run: @Sendable (Arguments) async throws(Stop) -> ExitStatus

    /// Every command, in the order of the help.
    static let all: [Command] = [.route, .check, .explain, .plan, .edit, .replay, .simulate, .judge, .keys]

    static func named(_ name: String) -> Command? { all.first { $0.name == name } }

    /// How to call the command: `route --policy FILE [--quiet] [REQUESTS]`.
    var usage: String {
        let words = options.map { $0.isRequired ? $0.usage : "[\($0.usage)]" }
        return ([name] + words + operands.map { $0.isRequired ? $0.name : "[\($0.name)]" }).joined(separator: " ")
    }
}

/// A word of the command line that is no option.
struct Operand: Sendable {
    let name: String
    var isRequired = false
    /// Whether more of them may follow. Only the last operand can be repeated.
    var isRepeated = false
}

/// A word of the command line that starts with `--`, and the value after it if the option takes one.
struct Option: Sendable {
    let name: String
    /// What stands for the value in the help, or nil if the option takes none.
    var value: String?
    var isRequired = false
    let summary: String

    var usage: String { value.map { "\(name) \($0)" } ?? name }
}

/// Options of more than one command.
extension Option {
    static let policy = Option(name: "--policy", value: "FILE", isRequired: true, summary: "the policy document")
    static let now = Option(name: "--now", value: "UNIX", summary: "the time in Unix seconds (default: now)")
    static let keys = Option(
        name: "--keys",
        value: "FILE",
        summary: "the keys that sign cookies; without them no cookie is read or written"
    )
    static let keysReadableBy = Option(
        name: "--keys-readable-by",
        value: "WHO",
        summary: "who may be able to read the key file beside its owner: group or everyone (default: nobody)"
    )
    static let json = Option(name: "--json", summary: "the answer as one line of JSON")
    static let help = Option(name: "--help", summary: "this text")
}

/// What `--help` prints.
extension Command {
    static var overview: String {
        """
        \(Program.name) \(Program.version): decides which release serves a request.

        usage: \(Program.name) [COMMAND]

        Without a command it gives a guided tour, in under ten seconds.

        commands:
        \(all.map { "  \($0.usage)\n      \($0.summary)" }.joined(separator: "\n"))

        options:
          --help       this text; after a command, how to call it
          --version    the version

        A request is a line of JSON: {"unit": "alice", "host": "www.example.org", "rollout": "sms"}. Every key is
        optional. The unit is a string or an integer, "cookies" is the value of the Cookie header. Other keys are ignored,
        but the whole line has to be JSON: a byte that is not UTF-8 in an ignored key costs the line.

        exit status: 0 success, 1 the input has problems (all are reported), 2 the command line or a file cannot be used

        """
    }

    var help: String {
        let options = options + [.help]
        let width = options.map(\.usage.count).max() ?? 0
        let lines = options.map { option in
            "  " + option.usage + String(repeating: " ", count: width - option.usage.count + 3) + option.summary
        }
        let details = details.isEmpty ? "" : details.joined(separator: "\n") + "\n\n"
        return """
            usage: \(Program.name) \(usage)

            \(summary)

            \(details)\(lines.joined(separator: "\n"))

            """
    }
}
