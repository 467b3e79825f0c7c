/// The program: finds the command that is meant, and runs it.
@main
enum Program {
    static let name = "RolloutDemo"
    static let version = "0.1.0"

    static func main() async {
        Platform.ignoreBrokenPipes()
        var status = ExitStatus.success
        do throws(Stop) {
            status = try await run(Platform.arguments())
        } catch {
            status = report(error)
        }
        Platform.endProcess(status.rawValue)
    }

    /// Says why a command ended early. If standard error cannot be written either, only the exit status is left to say so.
    private static func report(_ stop: Stop) -> ExitStatus {
        var output = Output.error
        defer { try? output.flush() }
        switch stop {
        case .closedPipe: return .success
        case .unusable(let message):
            output.append(line: "\(name): \(message)")
            return .unusable
        case .problems(let lines):
            for line in lines { output.append(line: line) }
            return .problems
        }
    }

    private static func run(_ arguments: [String]) async throws(Stop) -> ExitStatus {
        guard let word = arguments.first else { return try await Tour.run() }
        let rest = arguments.dropFirst()
        switch word {
        case "--help", "-h", "help":
            guard let name = rest.first else { return try print(Command.overview) }
            return try print(command(name).help)
        case "--version":
            return try print("\(name) \(version)\n")
        default:
            let command = try command(word)
            let arguments = try Arguments(rest, of: command)
            if arguments.wantsHelp { return try print(command.help) }
            return try await command.run(arguments)
        }
    }

    private static func command(_ word: String) throws(Stop) -> Command {
        if let command = Command.named(word) { return command }
        let isOption = word.utf8.first == UInt8(ascii: "-")
        let known = isOption ? ["--help", "--version"] : Command.all.map(\.name) + ["help"]
        throw .unusable(
            "unknown \(isOption ? "option" : "command") \"\(word)\"" + suggestion(for: word, among: known)
                + "\nusage: \(name) [COMMAND]; \(name) --help lists the commands"
        )
    }

    private static func print(_ text: String) throws(Stop) -> ExitStatus {
        var output = Output.standard
        output.append(text)
        try output.flush()
        return .success
    }
}

/// Why a command ends before its work is done.
enum Stop: Error {
    /// The command line or a file cannot be used: exit status 2.
    case unusable(String)

    /// A document is wrong, and these lines say where: exit status 1.
    case problems([String])

    /// Nobody reads the output any more. That is no failure: `… | head` has seen enough.
    case closedPipe
}

/// How a command that did its work ended.
enum ExitStatus: Int32 {
    case success = 0
    /// The input has problems, and all of them were reported.
    case problems = 1
    case unusable = 2
    /// A canary stays where it is.
    case holds = 3
    /// A canary is taken back.
    case rollsBack = 4
}
