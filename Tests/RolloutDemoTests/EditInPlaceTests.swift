import Foundation
import Rollout
import Testing

@Suite("edit --in-place")
struct EditInPlaceTests {
    private let folder: TemporaryFolder
    private let file: String
    private let old: [UInt8]

    init() throws {
        folder = try TemporaryFolder()
        var policy = try RolloutPolicy(json: Recorded.text(Recorded.strategies))
        for number in 0..<200 { policy.rollouts["sms"]?.forced[UnitID("qa-\(number)")] = .canary }
        file = try folder.path("p.json", policy.json)
        old = try Self.bytes(file)
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        try Array(Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    /// The names beside the file: nothing may be left there.
    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: URL(fileURLWithPath: file).deletingLastPathComponent().path)
            .filter { $0.contains("p.json") }
    }

    @Test("The file has what would have been printed, nothing is printed, and it keeps its permissions")
    func inPlace() throws {
        let printed = try Demo.run("edit", file, "share", "sms", "25")
        #expect(try Self.bytes(file) == old)
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: file)
        let result = try Demo.run("edit", file, "share", "sms", "25", "--in-place")
        #expect(result.status == 0)
        #expect(result.text == "")
        #expect(result.error == printed.error)
        #expect(try Self.bytes(file) == printed.output)
        #expect(try mode(file) == 0o640)
        #expect(try names() == ["p.json"])
    }

    @Test("A link stays, and the file that it leads to is replaced", arguments: ["p.json", "first.json"])
    func link(target: String) throws {
        let place = URL(fileURLWithPath: file).deletingLastPathComponent()
        try FileManager.default.createSymbolicLink(
            atPath: place.appendingPathComponent("first.json").path,
            withDestinationPath: "p.json"
        )
        let link = place.appendingPathComponent("second.json").path
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
        let result = try Demo.run("edit", "--in-place", "--quiet", link, "promote", "sms")
        #expect(result.status == 0, "\(result.error)")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
        #expect(try RolloutPolicy(json: Self.bytes(file)).rollouts["sms"]?.strategy.kind == .fixed)
        #expect(try FileManager.default.attributesOfItem(atPath: file)[.type] as? FileAttributeType == .typeRegular)
    }

    @Test("If the new text cannot be written, the old one stays whole and nothing else is left")
    func noRoom() throws {
        // One block of 512 or 1,024 bytes may be written, and the policy is longer.
        #expect(old.count > 2_048)
        let script = #"trap '' XFSZ; ulimit -f 1; exec "$0" edit "$1" share sms 25 --in-place --quiet"#
        let result = try Demo.shell(script, file)
        #expect(result.status == 2)
        #expect(result.error.contains("cannot write: File too large"), "\(result.error)")
        #expect(try Self.bytes(file) == old)
        #expect(try names() == ["p.json"])
    }

    @Test("If the process is killed while it writes, the old text stays whole")
    func killed() throws {
        let result = try Demo.shell(#"ulimit -f 1; exec "$0" edit "$1" share sms 25 --in-place --quiet"#, file)
        #expect(result.status != 0)
        #expect(try Self.bytes(file) == old)
    }

    @Test(
        "An edit that is refused, or whose result is invalid, leaves the file alone",
        arguments: [
            ["promote", "ui"], ["host", "sms", "a/b", "canary"], ["release", "ui", "stable", "app="],
        ]
    )
    func refused(words: [String]) throws {
        let result = try Demo.run(["edit", file, "--in-place"] + words, input: [])
        #expect(result.status != 0)
        #expect(try Self.bytes(file) == old)
        #expect(try names() == ["p.json"])
    }

    @Test("Only a regular file can be replaced")
    func noFile() throws {
        let input = try Demo.run(["edit", "-", "promote", "sms", "--in-place"], input: old)
        #expect(input.status == 2)
        #expect(input.error == "RolloutDemo: edit: --in-place needs a file, and FILE is standard input\n")
        let pipe = try Demo.shell(#"cat "$1" | "$0" edit /dev/stdin promote sms --in-place"#, file)
        #expect(pipe.status == 2)
        #expect(try Demo.run("edit", "/nowhere", "promote", "sms", "--in-place").status == 2)
    }

    @Test("The record is written once the file is")
    func record() throws {
        let log = file + ".log"
        let script = #"trap '' XFSZ; ulimit -f 1; exec "$0" edit "$1" share sms 25 --in-place --quiet --record "$2""#
        #expect(try Demo.shell(script, file, log).status == 2)
        #expect(try Self.bytes(log).isEmpty)
        let words = ["edit", file, "share", "sms", "25", "--in-place", "--record", log, "--by", "ana"]
        #expect(try Demo.run(words, input: []).status == 0)
        #expect(try String(decoding: Self.bytes(log), as: UTF8.self).contains(#""author":"ana""#))
    }

    @Test("Of ten edits at once, those that succeed are in the file; the others say so, and are not recorded")
    func atOnce() throws {
        let script = #"""
            # Not "wait", which needs SIGCHLD, and that may be blocked here: "cat" ends when the last edit has.
            i=0
            while [ $i -lt 10 ]; do
                ("$0" edit "$1" force sms "new-$i" canary --in-place --quiet --record "$1.log" 2>"$1.err$i"; echo $? >"$1.rc$i") &
                i=$((i + 1))
            done | cat
            """#
        #expect(try Demo.shell(script, file).status == 0)
        let forced = try #require(try RolloutPolicy(json: Self.bytes(file)).rollouts["sms"]).forced
        var successes = 0
        for number in 0..<10 {
            let status = try String(decoding: Self.bytes("\(file).rc\(number)"), as: UTF8.self)
            let error = try String(decoding: Self.bytes("\(file).err\(number)"), as: UTF8.self)
            #expect((forced[UnitID("new-\(number)")] == .canary) == (status == "0\n"), "\(error)")
            if status == "0\n" {
                successes += 1
            } else {
                #expect(status == "1\n")
                #expect(error == "\(file): another change came first, and this edit was not made; run it again\n")
            }
        }
        #expect(try RolloutPolicy(json: Self.bytes(file)).revision == 7 + UInt32(successes))
        #expect(try Self.bytes(file + ".log").count { $0 == UInt8(ascii: "\n") } == successes)
    }

    @Test("A log that cannot be used leaves the file as it was", arguments: ["/nowhere/log", "/", "/dev/full/log"])
    func unusableLog(log: String) throws {
        let result = try Demo.run("edit", file, "share", "sms", "25", "--in-place", "--record", log)
        #expect(result.status == 2)
        #expect(result.error.contains("cannot open"), "\(result.error)")
        #expect(try Self.bytes(file) == old)
    }

    @Test("$schema stays at the root, in the file and in what is printed")
    func schema() throws {
        let text =
            #"{"revision": 1, "rollouts": {}, "$schema": "https://example/\"a\"", "schema": 1, "removed": {"web": 3}}"#
        let file = try folder.path("schema.json", text)
        let printed = try Demo.run("edit", file, "forget", "web", "--quiet")
        #expect(printed.lines.prefix(2) == ["{", #"  "$schema": "https://example/\"a\"","#], "\(printed.text)")
        #expect(try Demo.run("edit", file, "forget", "web", "--in-place").status == 0)
        #expect(try Self.bytes(file) == printed.output)
        #expect(try RolloutPolicy(json: printed.output).revision == 2)
    }
}
