import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite("route: bytes in, bytes out")
struct RouteStreamTests {
    private func route(_ input: some Collection<UInt8>) throws -> Demo.Result {
        try Demo.run(["route", "--quiet", "--policy", Recorded.policy], input: input)
    }

    @Test("An empty input is no error, and a summary says so")
    func empty() throws {
        let result = try Demo.run("route", "--policy", Recorded.policy, "/dev/null")
        #expect(result.status == 0)
        #expect(result.text == "")
        #expect(result.error == "0 requests decided by revision 7, 0 lines refused\n")
    }

    @Test(
        "LF, CRLF, blank lines and a missing end of the last line are all the same",
        arguments: ["A\nB\n", "A\nB", "A\r\nB\r\n", "A\r\nB", "\n\nA\n\r\n \t\nB\n\n", "A\r\r\n\r\nB\r"]
    )
    func lineEnds(form: String) throws {
        let input = form.replacingOccurrences(of: "A", with: #"{"unit":"a"}"#)
            .replacingOccurrences(of: "B", with: #"{"unit":"b"}"#)
        let result = try route(input.utf8)
        #expect(result.status == 0)
        #expect(result.error == "")
        #expect(result.lines.count == 2)
        #expect(result.text.hasSuffix("\n"))
        #expect(!result.text.contains("\r"))
    }

    @Test("Bytes that are not UTF-8, and NUL, spoil only their line")
    func brokenBytes() throws {
        let good = Array(#"{"unit":"x"}"#.utf8)
        var input: [UInt8] = []
        for middle: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xC3], [0x00]] {
            input += good + [0x0A] + Array(#"{"unit":""#.utf8) + middle + Array("\"}\n".utf8)
        }
        // A key that is ignored is read all the same.
        input += Array(#"{"unit":"x","referer":""#.utf8) + [0xE4] + Array("\"}\n".utf8)
        input += [0x00, 0x0A, 0xFF, 0x0A] + good
        let result = try route(input)
        #expect(result.status == 1)
        #expect(result.lines.count == 6)
        #expect(result.errorLines.count == 8)
        let numbers = result.errorLines.compactMap { Int($0.drop { !$0.isNumber }.prefix { $0.isNumber }) }
        #expect(numbers == [2, 4, 6, 8, 10, 11, 12, 13])
        #expect(
            result.errorLines[0]
                == "line 2: expected UTF-8, found the byte 0xFF where none of its forms has it (byte 10)"
        )
        #expect(result.errorLines[4].contains("U+0000"))
    }

    @Test("1 MiB is the longest line, with either end; one byte more is an error", arguments: ["\n", "\r\n", ""])
    func longestLine(end: String) throws {
        for (excess, status) in [(0, Int32(0)), (1, 1)] {
            let frame = #"{"unit":"a","x":""}"#
            let filler = String(repeating: "x", count: 1 << 20 - frame.utf8.count + excess)
            let line = #"{"unit":"a","x":"\#(filler)"}"#
            let result = try route((line + end).utf8)
            #expect(result.status == status)
            #expect(result.lines.count == 1 - excess)
            #expect(result.error == (excess == 0 ? "" : "line 1: expected at most 1,048,576 bytes, found more\n"))
        }
    }

    @Test("Of many lines that cannot be read the first 20 are shown, and the rest counted")
    func manyProblems() throws {
        let input = String(repeating: "GET / HTTP/1.1\n{\"unit\":1}\n", count: 25)
        let shown = { (lines: ArraySlice<String>) in lines.map { $0.prefix { $0 != ":" } } }
        let result = try route(input.utf8)
        #expect(result.status == 1)
        #expect(result.lines.count == 25)
        #expect(shown(result.errorLines.dropLast()) == (0..<20).map { "line \(2 * $0 + 1)" })
        #expect(result.errorLines.last == "5 more lines cannot be read; --all-problems prints them")

        let all = try Demo.run("route", "--policy", Recorded.policy, "--all-problems", input: input)
        #expect(shown(all.errorLines.prefix(25)) == (0..<25).map { "line \(2 * $0 + 1)" })
        #expect(all.errorLines.dropFirst(25).first == "25 requests decided by revision 7, 25 lines refused")

        let one = try route(String(repeating: "x\n", count: 21).utf8)
        #expect(one.errorLines.last == "1 more line cannot be read; --all-problems prints them")
        let none = try route(String(repeating: "x\n", count: 20).utf8)
        #expect(none.errorLines.count == 20 && none.errorLines.last?.hasPrefix("line 20: ") == true)
    }

    @Test("A line of 10 MB is reported once, where it stands, and the rest is routed")
    func hugeLine() throws {
        let huge = [UInt8](repeating: UInt8(ascii: "x"), count: 10_000_000)
        let good = Array("{\"unit\":\"x\"}\n".utf8)
        let inner = try route(good + huge + [0x0A] + good + good)
        #expect(inner.status == 1)
        #expect(inner.lines.count == 3)
        #expect(inner.error == "line 2: expected at most 1,048,576 bytes, found more\n")
        let last = try route(good + huge)
        #expect(last.lines.count == 1)
        #expect(last.error == "line 2: expected at most 1,048,576 bytes, found more\n")
    }

    @Test("Lines of every length around the buffer's come through whole and in order")
    func everyLength() throws {
        var input = ""
        var units: [Int] = []
        var random = SplitMix64(seed: 7)
        for unit in 0..<400 {
            let length = unit.isMultiple(of: 40) ? Int.random(in: 60_000...140_000, using: &random) : unit
            input += "{\"unit\":\(unit),\"x\":\"\(String(repeating: "y", count: length))\"}\n"
            units.append(unit)
        }
        let result = try route(input.utf8)
        #expect(result.error == "")
        #expect(
            result.lines.map { $0.prefix(50).split(separator: ":")[3].prefix { $0 != "," } } == units.map { "\($0)" }
        )
    }

    @Test("Answers come as soon as the input pauses, before it ends")
    func pausingInput() throws {
        let process = Process()
        let (input, output) = (Pipe(), Pipe())
        process.executableURL = try Demo.executable()
        process.arguments = ["route", "--quiet", "--policy", Recorded.policy]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        defer { process.terminate() }
        func exchange(_ text: String) throws -> String {
            try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
            var answer = pollfd(fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
            try #require(unsafe poll(&answer, 1, 60_000) == 1, "no answer in a minute")
            return String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        }
        for unit in 1...3 {
            // The second line is under way while the first one is answered.
            let first = try exchange("{\"unit\":\(unit)}\n{\"un")
            #expect(first.hasPrefix(#"{"line":\#(2 * unit - 1),"rollout":"sms","unit":\#(unit),"#))
            #expect(first.hasSuffix("}\n"))
            let second = try exchange("it\":null}\n")
            #expect(second.hasPrefix(#"{"line":\#(2 * unit),"rollout":"sms","unit":null,"#))
        }
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test("A closed pipe ends it quietly, however much is left")
    func closedPipe() throws {
        let script = #"{ "$0" route --policy "$1" "$2"; echo "status $?" >&2; } | head -n 1"#
        let folder = try TemporaryFolder()
        let long = try folder.path("long", String(repeating: "{\"unit\":\"x\"}\n", count: 20_000))
        let result = try Demo.shell(script, Recorded.policy, long)
        #expect(result.lines.count == 1)
        #expect(result.error == "status 0\n")
    }

    @Test(
        "Memory does not grow with the input",
        .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/status"))
    )
    func flatMemory() throws {
        let process = Process()
        let input = Pipe()
        process.executableURL = try Demo.executable()
        process.arguments = ["route", "--policy", Recorded.policy]
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let block = Data((0..<500).map { "{\"unit\":\"user-\($0)\",\"host\":\"www.example.org\"}\n" }.joined().utf8)
        func peak(afterBlocks count: Int) throws -> Int {
            for _ in 0..<count { try input.fileHandleForWriting.write(contentsOf: block) }
            let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
            return try #require(Int(line.split(whereSeparator: \.isWhitespace)[1]))
        }
        let early = try peak(afterBlocks: 10)
        let late = try peak(afterBlocks: 50)
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        // 1.2 MB more input; held, it would be at least that.
        #expect(late - early < 1_024, "from \(early) to \(late) kB")
    }
}
