import Foundation

/// A folder that goes away with this object.
final class TemporaryFolder {
    private let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("rollout-demo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    var path: String { url.path }

    /// Writes a file in the folder.
    func file(_ name: String, _ bytes: [UInt8]) throws -> URL {
        let file = url.appendingPathComponent(name)
        try Data(bytes).write(to: file)
        return file
    }

    /// Writes a text file in the folder, and gives its path.
    func path(_ name: String, _ text: String) throws -> String { try file(name, Array(text.utf8)).path }

    /// Writes a text file that only these may use.
    func path(_ name: String, _ text: String, permissions: Int) throws -> String {
        let path = try path(name, text)
        try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
        return path
    }
}
