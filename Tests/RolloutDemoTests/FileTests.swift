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
