import Foundation
import Rollout
import Testing

@Suite("simulate")
struct SimulateTests {
    private static func simulate(_ options: String...) throws -> Demo.Result {
        try Demo.run(["simulate"] + options, input: [])
    }

    @Test("A healthy canary climbs the default plan and is promoted, with Flagger's rule beside it")
    func healthy() throws {
        let result = try Self.simulate()
        #expect(result.status == 0)
        #expect(result.error == "")
        let shares = result.lines.filter { $0.contains("advance") || $0.contains("promote") }
            .filter { !$0.hasPrefix("Flagger") }
        #expect(shares.count == 5)
        for (line, words) in zip(shares, [" 1 %", " 5 %", " 25 %", " 50 %", "This plan: promoted after "]) {
            #expect(line.contains(words), "\(line)")
        }
        #expect(result.lines.last?.hasPrefix("Flagger's rule: ") == true)
        // The same seed gives the same requests.
        #expect(try Self.simulate("--seed", "1").text == result.text)
        #expect(try Self.simulate("--seed", "2").text != result.text)
    }

    @Test("A canary that breaks at a share is taken back there")
    func harmful() throws {
        let result = try Self.simulate("--canary", "1,25:20", "--json")
        let end = try JSONDocument(parsing: Array(result.text.utf8)).root
        #expect(end["plan"]?["outcome"]?.string == "taken back")
        let last = try #require(end["turns"]?.elements.map(\.self).last?["judgement"])
        #expect(last["percent"]?.integer(as: Int.self) == 25)
        #expect(last["verdict"]?.string == "rollback")
    }

    @Test("An incident that both feel takes no healthy canary back")
    func incident() throws {
        let result = try Self.simulate("--incident", "6-9:30", "--minutes", "60")
        #expect(!result.text.contains("rollback"), "\(result.text)")
        #expect(result.text.contains("This plan: promoted"), "\(result.text)")
    }

    @Test("Several runs are summed up, and a regression that a threshold cannot see is found")
    func runs() throws {
        let options = ["--runs", "8", "--stable", "0.1", "--canary", "0.5", "--minutes", "120", "--json"]
        let result = try Demo.run(["simulate"] + options, input: [])
        let summary = try JSONDocument(parsing: Array(result.text.utf8)).root
        #expect(summary["runs"]?.integer(as: Int.self) == 8)
        #expect(summary["plan"]?["promoted"]?.integer(as: Int.self) == 0, "\(result.text)")
        #expect(summary["flagger"]?["promoted"]?.integer(as: Int.self) == 8, "\(result.text)")
        let table = try Self.simulate("--runs", "2", "--minutes", "10")
        #expect(table.lines.contains { $0.hasPrefix("  this plan ") })
        #expect(table.lines.contains { $0.hasPrefix("  Flagger's rule ") })
    }

    @Test("A schedule asks for no evidence")
    func schedule() throws {
        let plan = #"{"steps": [10, 50], "count": "nothing", "dwell": 60}"#
        let result = try Self.simulate("--plan", plan, "--canary", "50")
        #expect(result.text.contains("This plan: promoted after 2 min"), "\(result.text)")
    }

    @Test("The picture is XML with a line for each of five values")
    func svg() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/run.svg"
        let result = try Self.simulate("--svg", path)
        #expect(result.status == 0)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.hasPrefix("<svg ") && text.hasSuffix("</svg>\n"))
        #expect(text.components(separatedBy: "<polyline ").count == 6)
        #expect(!text.contains("nan") && !text.contains("inf"))
        // Each tag that opens closes.
        #expect(
            text.components(separatedBy: "<text ").count == text.components(separatedBy: "</text>").count
        )
    }

    /// The folder of the project.
    private static let project = URL(fileURLWithPath: #filePath).pathComponents.dropLast(3).joined(separator: "/")
        .dropFirst()

    @Test("The picture in the README is what its command draws")
    func picture() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/progression.svg"
        let readme = try String(contentsOfFile: "\(Self.project)/README.md", encoding: .utf8)
        let command = try #require(readme.split(separator: "\n").first { $0.hasSuffix("--svg progression.svg") })
        let options = command.split(separator: " ").dropFirst(2).map { $0 == "progression.svg" ? path : String($0) }
        #expect(try Demo.run(["simulate"] + options, input: []).status == 0)
        let shown = "\(Self.project)/Sources/Rollout/Rollout.docc/Resources/progression.svg"
        #expect(try String(contentsOfFile: path, encoding: .utf8) == String(contentsOfFile: shown, encoding: .utf8))
    }

    @Test(
        "What cannot be simulated is refused",
        arguments: [
            (["--rate", "0"], "--rate needs an integer in 1 ... 10,000,000, found \"0\""),
            (["--minutes", "x"], "--minutes needs an integer in 1 ... 100,000, found \"x\""),
            (["--runs", "0"], "--runs needs an integer in 1 ... 100,000, found \"0\""),
            (["--seed", "-1"], "--seed needs an integer in 0 ... "),
            (["--stable", "101"], "--stable needs a percentage in 0 ... 100, found \"101\""),
            (["--canary", "1,5"], "--canary needs a percentage, and then shares that rise"),
            (["--canary", "1,50:2,25:3"], "--canary needs a percentage, and then shares that rise"),
            (["--incident", "9-6:1"], "--incident needs minutes and a percentage, such as 20-25:10; found \"9-6:1\""),
            (["--plan", "{}"], "\"steps\" is missing"), (["--runs", "2", "--svg", "x"], "--svg draws one run"),
            (["--svg", "/nowhere/run.svg"], "--svg: "),
        ]
    )
    func refused(options: [String], message: String) throws {
        let result = try Demo.run(
            ["simulate", "--minutes", "1"].prefix(options[0] == "--minutes" ? 1 : 3) + options,
            input: []
        )
        #expect(result.status == 2)
        #expect(result.error.contains(message), "\(result.error)")
    }
}
