/// What `--help` prints.
enum Help {
    static var overview: String {
        """
        \(Program.name) \(Program.version): decides which release serves a request.

        usage: \(Program.name) [COMMAND]

        Without a command: a guided tour in under ten seconds.

        commands:
        \(Command.all.map { "  \($0.usage)\n      \($0.summary)" }.joined(separator: "\n"))

        options:
          --help       this text; after a command, how to call that
          --version    the version

        A request is a line of JSON: {"unit": "alice", "host": "www.example.org", "rollout": "sms"}; every key is
        optional, the unit a string or an integer, "cookies" the value of the Cookie header; other keys are ignored.

        exit status: 0 done, 1 problems in what was read (all reported), 2 the command line or a file cannot be used

        """
    }

    static func text(of command: Command) -> String {
        let options = command.options + [.help]
        let width = options.map(\.usage.count).max() ?? 0
        let lines = options.map { option in
            "  " + option.usage + String(repeating: " ", count: width - option.usage.count + 3) + option.summary
        }
        let details = command.details.isEmpty ? "" : command.details.joined(separator: "\n") + "\n\n"
        return """
            usage: \(Program.name) \(command.usage)

            \(command.summary)

            \(details)\(lines.joined(separator: "\n"))

            """
    }
}
