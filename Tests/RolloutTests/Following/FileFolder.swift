import Foundation

/// A temporary folder that goes away with its owner.
final class FileFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "rollout-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path(percentEncoded: false) }

    /// Writes into the file that is there, as an editor without care does.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }

    @discardableResult
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        try Data(bytes).write(to: url.appending(path: name))
        return path(name)
    }

    /// Returns once another process has made the entry.
    func waits(for name: String) async throws {
        while !FileManager.default.fileExists(atPath: path(name)) { try await Task.sleep(for: .milliseconds(2)) }
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path(name)) }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path(name), withDestinationPath: target)
    }

    /// Replaces a file or a link by another in one step.
    func rename(_ name: String, to other: String) throws {
        guard unsafe Foundation.rename(path(name), path(other)) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }
}
