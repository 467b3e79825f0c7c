import Foundation

/// Headless Chromium with a profile of its own, which goes away with this object.
final class Chromium {
    struct Failure: Error {
        let status: Int32
        let messages: String
    }

    /// Whether the machine has it, and `timeout` to end it.
    static let isThere = ["chromium", "timeout"].allSatisfy { name in
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
    }

    private static let options = [
        // As root in a container there is no sandbox, and little shared memory.
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-breakpad",
        // Nothing but the test's own pages: no other name has an address.
        "--host-resolver-rules=MAP sms-app.local 127.0.0.1, MAP *.sms-app.local 127.0.0.1, "
            + "MAP * ~NOTFOUND, EXCLUDE localhost",
        "--no-proxy-server", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-default-apps", "--disable-extensions",
    ]

    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "rollout-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Starts the browser on its profile, opens a page, ends the browser, and returns the page's document.
    ///
    /// A start takes about a second; it is ended after a minute, and killed if need be.
    func open(_ url: String) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["timeout", "--kill-after=5", "60", "chromium"] + Self.options
            + ["--user-data-dir=\(folder.appending(path: "profile").path)", "--dump-dom", url]
        process.environment = ProcessInfo.processInfo.environment.merging(["HOME": folder.path]) { $1 }
        // Through files: a pipe stays open for as long as any of the browser's processes has it.
        let page = try file("page")
        let messages = try file("messages")
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = page
        process.standardError = messages
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(status: process.terminationStatus, messages: try text(of: messages))
        }
        return try text(of: page)
    }

    private func file(_ name: String) throws -> FileHandle {
        let file = folder.appending(path: name)
        try Data().write(to: file)
        return try FileHandle(forUpdating: file)
    }

    private func text(of file: FileHandle) throws -> String {
        try file.seek(toOffset: 0)
        return String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
    }
}
