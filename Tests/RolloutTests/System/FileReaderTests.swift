import Foundation
import Testing

@testable import Rollout

/// Others change the file between two steps of a read.
@Suite("Reading a file that changes")
struct FileReaderTests {
    private let folder: FileFolder

    init() throws { folder = try FileFolder() }

    /// Reads `file`, and makes a change after the step with a number.
    private func read(
        changingAfter step: FileReader.Step,
        _ number: Int = 1,
        _ change: (FileFolder) throws -> Void
    ) throws -> String {
        var count = 0
        let bytes = try FileReader.bytes(at: folder.path("file"), atMost: 1 << 20) { done in
            guard done == step else { return }
            count += 1
            if count == number { #expect(throws: Never.self) { try change(folder) } }
        }
        #expect(count >= number, "the change was made")
        return String(decoding: bytes, as: UTF8.self)
    }

    private func makeDirectory(_ name: String, holding text: String) throws {
        try FileManager.default.createDirectory(atPath: folder.path(name), withIntermediateDirectories: false)
        try folder.write(text, to: "\(name)/file")
    }

    struct Swap: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (FileFolder) throws -> Void
    }

    static let swaps = [
        Swap(testDescription: "by a file") { folder in
            try folder.write("new", to: "other")
            try folder.rename("other", to: "file")
        },
        Swap(testDescription: "by a link") { folder in
            try folder.write("new", to: "other")
            try folder.link("link", to: "other")
            try folder.rename("link", to: "file")
        },
        Swap(testDescription: "by a link to a link") { folder in
            try folder.write("new", to: "other")
            try folder.link("middle", to: "other")
            try folder.link("link", to: folder.path("middle"))
            try folder.rename("link", to: "file")
        },
    ]

    @Test("A file swapped between looking and opening is read anew", arguments: swaps)
    func swapped(_ swap: Swap) throws {
        try folder.write("old", to: "file")
        #expect(try read(changingAfter: .looked, 1, swap.change) == "new")
    }

    /// `file` leads through `..data` to a directory, as in a mounted ConfigMap. The first look is at the one link, the
    /// second at the name in the directory.
    @Test("A directory swapped and deleted on the way is not missed", arguments: [1, 2])
    func directory(look: Int) throws {
        try makeDirectory("..1", holding: "old")
        try folder.link("..data", to: "..1")
        try folder.link("file", to: "..data/file")
        let text = try read(changingAfter: .looked, look) { folder in
            try makeDirectory("..2", holding: "new")
            try folder.link("..data_tmp", to: "..2")
            try folder.rename("..data_tmp", to: "..data")
            try folder.remove("..1")
        }
        #expect(text == "new")
    }

    @Test("A link swapped after the look at it still leads to the whole old file")
    func link() throws {
        try makeDirectory("one", holding: "old")
        try makeDirectory("two", holding: "new")
        try folder.link("file", to: "one/file")
        let text = try read(changingAfter: .looked) { folder in
            try folder.link("link", to: "two/file")
            try folder.rename("link", to: "file")
        }
        #expect(text == "old")
    }

    @Test("A file that is swapped at every look is given up, and one that is gone is missing")
    func endless() throws {
        try folder.write("text", to: "file")
        var looks = 0
        let error = #expect(throws: FileError.self) {
            try FileReader.bytes(at: folder.path("file"), atMost: 100) { _ in
                looks += 1
                try? swap(toLink: !looks.isMultiple(of: 2))
            }
        }
        #expect(error?.path == folder.path("file") && error?.operation == "open")
        #expect(looks == 32)
        try folder.remove("file")
        let missing = #expect(throws: FileError.self) { try FileReader.bytes(at: folder.path("file"), atMost: 100) }
        #expect(missing?.reason == "No such file or directory")
    }

    private func swap(toLink isLink: Bool) throws {
        try folder.remove("file")
        if isLink { try folder.link("file", to: "nowhere") } else { try folder.write("text", to: "file") }
    }

    // MARK: In place

    /// Revision 11 of 11 %, written over revision 10 of 10 %: halfway, the file says revision 11 of 10 %.
    @Test("A file rewritten in place between two valid documents of one length never gives a mixture")
    func mixture() throws {
        let (old, new) = (FollowedFile.policy(10).json, FollowedFile.policy(11).json)
        let halfway = FollowedFile.policy(10).at(11).json
        #expect(old.utf8.count == new.utf8.count && halfway.utf8.count == new.utf8.count)
        try folder.write(halfway, to: "file")
        #expect(try read(changingAfter: .read) { try $0.write(new, to: "file") } == new)
    }

    @Test("A file is read until two readings agree, and given up if they never do")
    func settling() throws {
        var writes = 0
        func write(upTo limit: Int) throws -> [UInt8] {
            writes = 0
            return try FileReader.bytes(at: try folder.write("0", to: "file"), atMost: 100) { step in
                guard step == .read, writes < limit else { return }
                writes += 1
                _ = try? folder.write("\(writes)", to: "file")
            }
        }
        #expect(try write(upTo: 9) == Array("9".utf8))
        let error = #expect(throws: FileError.self) { try write(upTo: .max) }
        #expect(error?.reason == "it does not stop changing")
        #expect(writes == 31)
    }
}
