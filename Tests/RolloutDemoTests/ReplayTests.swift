import Foundation
import Rollout
import Testing

@Suite("replay")
struct ReplayTests {
    private static let vectors = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../RolloutTests/Vectors/Recordings").standardizedFileURL

    /// The recordings of other systems, made by their own SDKs, whole. They lie beside the project, if anywhere.
    private static let whole = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../shared/vectors/bucketing").standardizedFileURL

    private static func names(in folder: URL) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []
        return files.filter { $0.hasSuffix(".jsonl") }.map { String($0.dropLast(6)) }.sorted()
    }

    private static func replay(_ name: String, in folder: URL) throws -> Demo.Result {
        let policy = folder.appending(path: "\(name).policy.json").path()
        return try Demo.run("replay", "--policy", policy, folder.appending(path: "\(name).jsonl").path())
    }

    @Test("Every assignment of a selection of each recording comes out the same", arguments: names(in: vectors))
    func selection(_ name: String) throws {
        let lines = try String(contentsOf: Self.vectors.appending(path: "\(name).jsonl"), encoding: .utf8)
            .split(separator: "\n")
        #expect(lines.count >= 200)
        let result = try Self.replay(name, in: Self.vectors)
        #expect(result.text.hasPrefix("\(lines.count) assignments, all agree\n"))
        #expect(result.error == "")
        #expect(result.status == 0)
    }

    @Test("There is a selection of each of the 22 recordings")
    func complete() { #expect(Self.names(in: Self.vectors).count == 22) }

    @Test(
        "Every recorded assignment comes out the same",
        .enabled(
            if: !names(in: whole).isEmpty,
            "../shared/vectors/bucketing is not there: only the selection is replayed"
        ),
        arguments: names(in: whole)
    )
    func recording(_ name: String) throws {
        let result = try Self.replay(name, in: Self.whole)
        #expect(result.text.contains(" assignments, all agree\n"))
        #expect(result.status == 0)
    }

    private static let article = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Sources/Rollout/Rollout.docc/moving-in.md").standardizedFileURL

    /// The policies of the recipes; each says by its environment which recording it is of.
    private static let recipes: [String] = ((try? String(contentsOf: article, encoding: .utf8)) ?? "")
        .components(separatedBy: "```json\n").dropFirst().compactMap { $0.components(separatedBy: "\n```").first }
        .filter { $0.contains("\"environment\"") }

    @Test("The policy of each recipe gives the answers of the system's own SDK", arguments: recipes)
    func recipe(_ text: String) throws {
        let name = try #require(RolloutPolicy(json: text).environment)
        let ids = try RolloutPolicy(json: text).rollouts.keys.map(\.text)
        let lines = try String(contentsOf: Self.vectors.appending(path: "\(name).jsonl"), encoding: .utf8)
            .split(separator: "\n").filter { line in ids.contains { line.contains("\"rollout\":\"\($0)\"") } }
        let folder = try TemporaryFolder()
        let result = try Demo.run(
            ["replay", "--policy", folder.path("p.json", text)],
            input: lines.joined(separator: "\n").utf8
        )
        #expect(lines.count >= 13)
        #expect(result.text.hasPrefix("\(lines.count) assignments, all agree\n"), "\(result.text)\(result.error)")
    }

    @Test("There is a recipe for each of fifteen systems")
    func count() { #expect(Self.recipes.count == 15) }

    private static let policy = #"""
        {"schema": 1, "revision": 1, "rollouts": {"sms": {"bucketing": {"hash": "integer", "buckets": 100},
          "strategy": {"type": "canary", "percent": 10, "stable": {"a": "1"}, "canary": {"a": "2"}}}}}
        """#

    private static func run(_ input: String, _ options: [String] = []) throws -> Demo.Result {
        let folder = try TemporaryFolder()
        return try Demo.run(["replay", "--policy", folder.path("p.json", policy)] + options, input: input.utf8)
    }

    @Test("Differences are counted for each rollout, and the first ten are shown with both answers and the bucket")
    func differences() throws {
        var lines = (0..<20).map { #"{"unit": \#($0), "variant": "stable", "other": [1]}"# }
        lines.append(#"{"rollout": "sms", "unit": "alice", "variant": null}"#)
        lines.append(#"{"rollout": "sms", "unit": "alice", "variant": "stable"}"#)
        lines.append("")
        let result = try Self.run(lines.joined(separator: "\n"))
        #expect(result.status == 1)
        #expect(
            result.text.hasPrefix(
                """
                22 assignments, 11 differ
                  rollout  agree  differ  agreement
                  sms         11      11    50.00 %

                line 1: sms, unit "0": recorded "stable", ours "canary", split, bucket 0
                line 2: sms, unit "1": recorded "stable", ours "canary", split, bucket 10,000
                """
            ),
            "\(result.text)"
        )
        #expect(result.text.hasSuffix("bucket 90,000\nand 1 more\n"))
    }

    @Test("A line that cannot be read is named, and the rest is compared")
    func unreadable() throws {
        let input = """
            {"unit": 1, "variant": "canary"}
            {"unit": 1.0, "variant": "canary"}
            {"unit": 1}
            {"unit": 1, "variant": 2}
            {"unit": 1, "rollout": "smss", "variant": null}
            {"unit": 1, "variant": null, "variant": "canary"}
            """
        let result = try Self.run(input)
        #expect(result.status == 1)
        #expect(result.text.hasPrefix("1 assignment, all agree\n"))
        #expect(
            result.error == """
                line 2: expected "unit" to be a string or an integer in -2^63 ... 2^64-1, found 1.0
                line 3: expected "variant", a string or null for not enrolled, found none
                line 4: expected "variant" to be a string, or null for not enrolled, found 2
                line 5: unknown rollout "smss"; did you mean "sms"?
                line 6: expected each key once, found "variant" twice
                5 lines cannot be read

                """
        )
    }

    @Test("What cannot be used ends it at once")
    func unusable() throws {
        #expect(try Self.run("", ["--rollout", "sns"]).status == 2)
        #expect(try Demo.run("replay").status == 2)
        #expect(try Demo.run("replay", "--policy", "-").status == 2)
        #expect(try Demo.run("replay", "--policy", "/nowhere").status == 2)
    }
}
