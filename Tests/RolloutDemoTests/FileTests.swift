import Foundation
import Testing

@Suite("Files that cannot be used")
struct FileTests {
    @Test("A file that is not there, and a folder, end with 2 and the system's reason", arguments: [true, false])
    func unreadable(isPolicy: Bool) throws {
        for (path, reason) in [("/nowhere/at/all", "No such file or directory"), ("/", "Is a directory")] {
            let files = isPolicy ? ["--policy", path] : ["--policy", Recorded.policy, path]
            let result = try Demo.run(["route"] + files, input: [])
            #expect(result.status == 2)
            #expect(result.text == "")
            #expect(result.error.contains(path))
            #expect(result.error.contains(reason), "\(result.error)")
        }
        #expect(try Demo.run("check", "/").status == 2)
        #expect(try Demo.run("explain", "--policy", "/nowhere", "--rollout", "sms").status == 2)
    }

    @Test("A file without permission ends with 2", .enabled(if: geteuid() != 0, "root may read everything"))
    func forbidden() throws {
        let folder = try TemporaryFolder()
        let path = try folder.path("secret", "{}")
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: path)
        let result = try Demo.run("check", path)
        #expect(result.status == 2)
        #expect(result.error.contains("Permission denied"))
    }

    /// UTF-8 with a mark is what editors write; UTF-16 with one, what the redirection of a shell does.
    @Test("A byte order mark is called one, by whatever reads a text")
    func byteOrderMark() throws {
        func utf16(_ text: String, _ mark: [UInt8]) -> [UInt8] {
            mark
                + text.utf16.flatMap {
                    mark[0] == 0xFF ? [UInt8($0 & 0xFF), UInt8($0 >> 8)] : [UInt8($0 >> 8), UInt8($0 & 0xFF)]
                }
        }
        let folder = try TemporaryFolder()
        let key = "7 " + String(repeating: "A", count: 43) + "=\n"
        let policy = try Recorded.text(Recorded.policy)
        let request = "{\"unit\":\"a\"}\n"
        for (name, encode) in [
            ("UTF-8 (EF BB BF)", { Array("\u{FEFF}\($0)".utf8) }), ("UTF-16 (FF FE)", { utf16($0, [0xFF, 0xFE]) }),
            ("UTF-16 (FE FF)", { utf16($0, [0xFE, 0xFF]) }),
            (
                "UTF-32 (FF FE 00 00)",
                { [0xFF, 0xFE, 0, 0] + $0.unicodeScalars.flatMap { [UInt8($0.value), 0, 0, 0] } }
            ),
        ] as [(String, (String) -> [UInt8])] {
            let found = "expected UTF-8 without a byte order mark, found the byte order mark of \(name)"
            let check = try Demo.run(["check", "-"], input: encode(policy))
            #expect(check.status == 1)
            #expect(check.text == "standard input:1:1: \(found)\n")

            let route = try Demo.run(["route", "--quiet", "--policy", Recorded.policy], input: encode(request))
            #expect(route.status == 1)
            #expect(route.errorLines.first == "line 1: \(found) (byte 1)")

            let keys = try folder.file("keys", encode(key)).path
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: keys)
            let signed = try Demo.run("route", "--policy", Recorded.policy, "--keys", keys)
            #expect(signed.status == 2)
            #expect(signed.error == "RolloutDemo: --keys: \(keys):1: \(found)\n")
        }
    }

    @Test("An invalid policy ends routing and explaining with 2 and all problems")
    func invalidPolicy() throws {
        let folder = try TemporaryFolder()
        let path = try folder.path("p.json", #"{"schema": 2, "revision": -1, "rollouts": {}}"#)
        for arguments in [["route", "--policy", path], ["explain", "--policy", path, "--rollout", "sms"]] {
            let result = try Demo.run(arguments, input: [])
            #expect(result.status == 2)
            #expect(result.text == "")
            #expect(result.error.contains("\(path):1:12: schema: "))
            #expect(result.error.contains("\(path):1:27: revision: "))
        }
    }

    @Test(
        "Output that cannot be written ends with 2",
        .enabled(if: FileManager.default.fileExists(atPath: "/dev/full"))
    )
    func diskFull() throws {
        for command in [#"route --policy "$1" "$2""#, #"check "$1""#, "--help"] {
            let result = try Demo.shell(#""$0" \#(command) > /dev/full"#, Recorded.policy, Recorded.log)
            #expect(result.status == 2)
            #expect(result.error.contains("cannot write to standard output: No space left on device"))
        }
    }

    @Test("A standard stream that is closed ends with 2, and no file is taken for it")
    func closedStreams() throws {
        let noInput = try Demo.shell(#""$0" route --policy "$1" <&-"#, Recorded.policy)
        #expect(noInput.status == 2)
        #expect(noInput.error.contains("cannot read standard input: Bad file descriptor"))
        let noOutput = try Demo.shell(#""$0" route --policy "$1" "$2" >&-"#, Recorded.policy, Recorded.log)
        #expect(noOutput.status == 2)
        #expect(noOutput.error.contains("cannot write to standard output: Bad file descriptor"))
        #expect(
            try Demo.shell(#""$0" route --policy "$1" "$2" 2>&-"#, Recorded.policy, Recorded.log).lines.count == 2_000
        )
    }
}
