import Foundation
import Testing

/// A file system of a few pages, in the memory of the machine, that tests fill up. It goes away with its owner.
///
/// A process of its own mounts it, in a namespace of its own, so that no test has to be root. Everybody reaches it through the root
/// directory of that process.
final class SmallDisk {
    struct Unavailable: Error {}

    /// Whether this machine lets anybody mount one.
    static let isAvailable = (try? SmallDisk(pages: 1)) != nil
    static let comment: Comment =
        "needs Linux with `unshare -Urm`, and a kernel that lets a user mount a tmpfs in a namespace of its own"

    private static let pageSize = 4096
    /// The path of its root directory.
    let path: String
    private let process = Process()
    private let input = Pipe()
    private let pages: Int

    init(pages: Int) throws {
        self.pages = pages
        let place = FileManager.default.temporaryDirectory.path(percentEncoded: false)
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "unshare", "-Urm", "sh", "-c",
            "mount -t tmpfs -o size=\(pages * Self.pageSize) tmpfs \"$1\" && echo mounted && exec cat", "sh", place,
        ]
        let output = Pipe()
        (process.standardInput, process.standardOutput, process.standardError) = (input, output, FileHandle.nullDevice)
        try process.run()
        path = "/proc/\(process.processIdentifier)/root\(place)"
        // Nothing comes, and the pipe ends, if the disk cannot be mounted.
        let answer = try output.fileHandleForReading.read(upToCount: 8)
        guard answer == Data("mounted\n".utf8), FileManager.default.isWritableFile(atPath: path) else {
            throw Unavailable()
        }
    }

    /// The end of its input would end its process too, and does if the tests are killed. But another process that a test
    /// begins at the same time may hold the input open.
    deinit { process.terminate() }

    /// Fills it up but for so many pages.
    func fill(butFor free: Int) throws {
        let attributes = try FileManager.default.attributesOfFileSystem(forPath: path)
        guard let left = attributes[.systemFreeSize] as? Int else { throw Unavailable() }
        try Data(count: left - free * Self.pageSize).write(to: URL(fileURLWithPath: "\(path)/ballast"))
    }

    func makeRoom() throws { try FileManager.default.removeItem(atPath: "\(path)/ballast") }
}
