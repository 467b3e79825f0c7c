import Foundation

/// The built executable, run as a user would run it.
enum Demo {
    struct Result {
        let status: Int32
        let output: [UInt8]
        let error: String

        var text: String { String(decoding: output, as: UTF8.self) }
        /// Standard output by lines, without the end of the last one.
        var lines: [String] {
            text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        }
        var errorLines: [String] { error.split(separator: "\n").map(String.init) }
    }

    struct NotFound: Error {}

    /// The executable beside the tests, wherever they were built: `--scratch-path` and sanitizers move both together.
    static func executable() throws -> URL {
        // The runner's path, and on macOS the path of the bundle that it was told to run.
        let places = CommandLine.arguments.filter { $0.contains(".xctest") } + [Bundle.main.bundlePath]
        for place in places {
            var folder = URL(fileURLWithPath: place).standardizedFileURL
            while folder.path != "/" {
                folder.deleteLastPathComponent()
                let candidate = folder.appendingPathComponent("RolloutDemo")
                let attributes = try? FileManager.default.attributesOfItem(atPath: candidate.path)
                if attributes?[.type] as? FileAttributeType == .typeRegular { return candidate }
            }
        }
        throw NotFound()
    }

    /// Runs a command with this text on standard input, until it ends.
    static func run(
        _ arguments: [String],
        input: some Collection<UInt8>,
        environment: [String: String] = [:]
    ) throws -> Result {
        let folder = try TemporaryFolder()
        let source = try folder.file("stdin", Array(input))
        return try run(arguments, inputFile: source, environment: environment, in: folder)
    }

    static func run(_ arguments: String..., input: String = "") throws -> Result {
        try run(arguments, input: input.utf8)
    }

    /// Runs a shell's command line in which `"$0"` is the executable and `"$1"` … are the arguments.
    static func shell(_ script: String, _ arguments: String...) throws -> Result {
        let folder = try TemporaryFolder()
        let words = try ["-c", script, executable().path] + arguments
        let source = try folder.file("stdin", [])
        return try run(words, executable: URL(fileURLWithPath: "/bin/sh"), inputFile: source, in: folder)
    }

    private static func run(
        _ arguments: [String],
        executable: URL? = nil,
        inputFile: URL,
        environment: [String: String] = [:],
        in folder: TemporaryFolder
    ) throws -> Result {
        let process = Process()
        process.executableURL = try executable ?? self.executable()
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (output, error) = try (folder.file("stdout", []), folder.file("stderr", []))
        process.standardInput = try FileHandle(forReadingFrom: inputFile)
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: error)
        try process.run()
        process.waitUntilExit()
        return Result(
            status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
            output: try Array(Data(contentsOf: output)),
            error: String(decoding: try Data(contentsOf: error), as: UTF8.self)
        )
    }
}
