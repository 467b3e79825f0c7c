import Foundation

@testable import Rollout

/// A policy file in a folder of its own, and a router that follows it.
struct FollowedFile: Sendable {
    let folder: FileFolder
    let router: RolloutRouter
    let updater: RolloutUpdater
    let file: PolicyFile

    static let name = "policy.json"
    static let copy = "copy.json"

    /// The file holds the start, and was looked at once.
    init(
        start: RolloutPolicy = FollowedFile.policy(1),
        savesCopy: Bool = false,
        gates: [any PolicyGate] = []
    ) async throws {
        folder = try FileFolder()
        let path = try folder.write(start.json, to: Self.name)
        router = try RolloutRouter(policy: start)
        updater = RolloutUpdater(router, gates: gates)
        file = PolicyFile(path, savedCopy: savesCopy ? folder.path(Self.copy) : nil, updating: updater)
        await file.poll()
    }

    /// Policies whose canary's share is their revision's, so that contents of one size differ.
    static func policy(_ revision: UInt32) -> RolloutPolicy {
        EditedPolicy.canary(Double(revision % 101)).at(revision)
    }

    func write(_ policy: RolloutPolicy) throws { try folder.write(policy.json, to: Self.name) }

    var running: UInt32 { router.snapshot().revision }
}

extension PolicyFile.Event {
    /// What makes a policy unusable, if this is such an event.
    var problem: UpdateError? { error as? UpdateError }

    /// The code of the first problem of a policy, if this is about one.
    var code: PolicyProblem.Code? { (problem?.underlying as? PolicyError)?.problems.first?.code }

    /// Why a file cannot be used, in the system's words.
    var reason: String? { (problem?.underlying as? FileError ?? error as? FileError)?.reason }
}
