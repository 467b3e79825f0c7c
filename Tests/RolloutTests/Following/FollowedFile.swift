import Foundation

@testable import Rollout

/// A policy file in a folder of its own, and a router that follows it.
struct FollowedFile: Sendable {
    let folder: FileFolder
    let router: RolloutRouter
    let file: PolicyFile

    static let name = "policy.json"
    static let copy = "copy.json"

    /// The file holds the start, and was looked at once.
    init(start: RolloutPolicy = FollowedFile.policy(1), savesCopy: Bool = false) throws {
        folder = try FileFolder()
        let path = try folder.write(start.json, to: Self.name)
        router = try RolloutRouter(policy: start)
        file = PolicyFile(path, savedCopy: savesCopy ? folder.path(Self.copy) : nil, updating: router)
        file.poll()
    }

    /// Policies whose canary's share is their revision's, so that contents of one size differ.
    static func policy(_ revision: UInt32) -> RolloutPolicy {
        EditedPolicy.canary(Double(revision % 101)).at(revision)
    }

    func write(_ policy: RolloutPolicy) throws { try folder.write(policy.json, to: Self.name) }

    var running: UInt32 { router.snapshot().revision }
}

extension PolicyFile.Event {
    /// What makes a policy unusable, where this is such an event.
    var problem: UpdateError? { if case .refused(let error) = self { error } else { nil } }

    /// The code of the first problem of a policy, where this is about one.
    var code: PolicyProblem.Code? {
        if case .refused(.invalid(let error)) = self { error.problems.first?.code } else { nil }
    }

    var reason: String? { if case .refused(.unreadable(let error)) = self { error.reason } else { nil } }
}
