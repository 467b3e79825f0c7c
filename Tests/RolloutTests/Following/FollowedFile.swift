import Foundation

@testable import Rollout

/// A policy file in a folder of its own, and a router that follows it.
struct FollowedFile: Sendable {
    let folder: FileFolder
    let router: RolloutRouter
    let updater: RolloutUpdater
    let path: String
    private let follower: PolicyFollower
    private let log = EventLog()

    static let name = "policy.json"

    /// The file holds the start, and was looked at once.
    init(start: RolloutPolicy = FollowedFile.policy(1)) async throws {
        folder = try FileFolder()
        path = try folder.write(start.json, to: Self.name)
        router = try RolloutRouter(policy: start)
        updater = RolloutUpdater(router)
        follower = PolicyFollower(of: PolicyFile(path), updating: updater, report: log.report)
        _ = await look()
    }

    static func policy(_ revision: UInt32) -> RolloutPolicy { Followed.policy(revision) }

    func write(_ policy: RolloutPolicy) throws { try folder.write(policy.json, to: Self.name) }

    /// Reads the file once, and returns what was reported.
    func look() async -> [PolicyFollower.Event] {
        _ = try? await follower.start()
        return log.take()
    }

    var running: UInt32 { router.snapshot().revision }
}
