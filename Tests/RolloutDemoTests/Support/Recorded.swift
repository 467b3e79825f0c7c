import Foundation

/// The files that were recorded for the demo, in the source tree.
enum Recorded {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Sources/RolloutDemo/Recorded")

    static let log = folder.appendingPathComponent("access.jsonl").path
    /// One rollout, `sms`.
    static let policy = folder.appendingPathComponent("policy.json").path
    /// A rollout of every strategy.
    static let strategies = folder.appendingPathComponent("strategies.json").path

    static func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
}
