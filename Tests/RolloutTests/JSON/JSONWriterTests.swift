import Foundation
import Rollout
import Testing

@Suite("JSON writer")
struct JSONWriterTests {
    @Test(
        "The canonical text is the one Python's json.dumps writes",
        arguments: [
            (.null, "null"), (.boolean(true), "true"), (.boolean(false), "false"),
            (.integer(0), "0"), (.integer(-1), "-1"), (.integer(10), "10"), (.integer(1_234_567_890), "1234567890"),
            (.integer(.max), "9223372036854775807"), (.integer(.min), "-9223372036854775808"),
            (.number("33.3333"), "33.3333"),
            (.string(""), #""""#), (.string("é€😀"), "\"é€😀\""), (.string("a/b\\c\"d"), #""a/b\\c\"d""#),
            (.string("\u{7F}\u{80}\u{2028}\u{FEFF}"), "\"\u{7F}\u{80}\u{2028}\u{FEFF}\""),
            (.array([]), "[]"), (.object([]), "{}"), (.array([.array([]), .null, .object([])]), "[[],null,{}]"),
            (.object([("b", .integer(1)), ("a", .array([.integer(2), .integer(3)]))]), #"{"a":[2,3],"b":1}"#),
            // By UTF-8 bytes: not by UTF-16 units, where U+10000 comes first, and not by canonical equivalents.
            (.object([("\u{10000}", .null), ("\u{FFFF}", .null)]), "{\"\u{FFFF}\":null,\"\u{10000}\":null}"),
            (
                .object([
                    ("\u{E9}", .null), ("z", .null),
                    ("e\u{301}", .null),
                ]), "{\"e\u{301}\":null,\"z\":null,\"\u{E9}\":null}"
            ),
            (
                .object([
                    ("aa", .null), ("a", .null), ("", .null),
                    ("B", .null),
                ]), #"{"":null,"B":null,"a":null,"aa":null}"#
            ),
        ] as [(JSONTree, String)]
    )
    func canonical(tree: JSONTree, expected: String) {
        #expect(tree.canonicalBytes == Array(expected.utf8))
    }

    @Test("Each control character has the shortest escape there is", arguments: 0..<0x20 as Range<UInt32>)
    func controls(value: UInt32) throws {
        let short: [UInt32: String] = [8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"]
        let hex = String(value, radix: 16)
        let escape = short[value] ?? "\\u00" + (hex.count == 1 ? "0" : "") + hex
        let scalar = try #require(Unicode.Scalar(value))
        #expect(JSONTree.string("a\(scalar)b").canonicalText == "\"a\(escape)b\"")
        #expect(JSONTree.object([(String(scalar), .null)]).canonicalText == "{\"\(escape)\":null}")
    }

    @Test("Members come out in the order they are written, with commas where they belong")
    func streaming() {
        var writer = JSONWriter(capacity: 256)
        for line in 0..<2 {
            writer.beginObject()
            writer.key("z")
            writer.integer(line)
            writer.key("a")
            writer.beginArray()
            writer.integer(Int.max)
            writer.beginObject()
            writer.endObject()
            writer.number("1.5")
            writer.boolean(true)
            writer.null()
            writer.endArray()
            writer.key("s")
            writer.string("x\ty")
            writer.endObject()
            writer.endLine()
        }
        let rest = #""a":[9223372036854775807,{},1.5,true,null],"s":"x\ty"}"# + "\n"
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "{\"z\":0,\(rest){\"z\":1,\(rest)")
    }

    @Test("An emptied writer starts afresh in the same buffer")
    func reuse() {
        var writer = JSONWriter(capacity: 64)
        writer.string("first")
        writer.removeAll()
        #expect(writer.bytes.isEmpty)
        #expect(writer.bytes.capacity >= 64)
        writer.string("second")
        #expect(writer.bytes == Array(#""second""#.utf8))
    }

    @Test(
        "Some hundred random trees are what python3 writes for them",
        .enabled(if: hasPython, "python3 is not installed")
    )
    func python() throws {
        var generator = SplitMix64(seed: 42)
        var canonical = ""
        for _ in 0..<300 { canonical += JSONTree.random(depth: 4, using: &generator).canonicalText + "\n" }
        let folder = FileManager.default.temporaryDirectory.appending(path: "rollout-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(canonical.utf8).write(to: folder.appending(path: "trees.jsonl"))
        let program = """
            import json, sys
            for line in open("trees.jsonl", encoding="utf-8", newline="\\n"):
                tree = json.loads(line)
                text = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
                sys.stdout.buffer.write(text.encode() + b"\\n")
            """
        try Data(program.utf8).write(to: folder.appending(path: "rewrite.py"))
        // Not with `Process`, whose `run` leaks a few bytes and so fails the whole run under the leak checker.
        let pipe = try unsafe #require(popen("cd '\(folder.path)' && python3 rewrite.py", "r"))
        let output = try unsafe FileHandle(fileDescriptor: fileno(pipe)).readToEnd()
        #expect(unsafe pclose(pipe) == 0)
        #expect(output?.elementsEqual(canonical.utf8) == true)
    }

    private static var hasPython: Bool {
        let folders = ProcessInfo.processInfo.environment["PATH", default: ""].split(separator: ":")
        return folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/python3") }
    }
}
