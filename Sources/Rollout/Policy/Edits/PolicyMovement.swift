/// Who would move where, if one policy followed another.
public struct PolicyMovement: Hashable, Sendable {
    /// What becomes of a rollout.
    public enum Change: Hashable, Sendable {
        /// Only the new policy has it.
        case added
        /// Only the old policy has it; its handles go on serving the first variant.
        case removed
        /// Both have it.
        case kept(RolloutMovement)
    }

    /// Every rollout of either policy.
    public let rollouts: [RolloutID: Change]
}

extension RolloutPolicy {
    /// Who would move where, if another policy followed this one.
    ///
    ///     var next = policy
    ///     try next.setShare(of: .sms, to: .percent(25))
    ///     print(try policy.movement(to: next))
    ///
    /// - Parameter next: The policy to follow.
    /// - Returns: The movement of every rollout of either policy.
    /// - Throws: `PolicyError` where one of the two is invalid.
    public func movement(to next: RolloutPolicy) throws(PolicyError) -> PolicyMovement {
        try validate()
        try next.validate()
        var changes = rollouts.mapValues { _ in PolicyMovement.Change.removed }
        for (id, new) in next.rollouts {
            changes[id] = rollouts[id].map { .kept(RolloutMovement(from: $0, to: new, id: id)) } ?? .added
        }
        return PolicyMovement(rollouts: changes)
    }
}

extension PolicyMovement: CustomStringConvertible {
    /// One line a rollout, in order of ids.
    public var description: String {
        rollouts.sorted { $0.key < $1.key }.map { id, change in
            switch change {
            case .added: "\(id): added"
            case .removed: "\(id): removed"
            case .kept(let movement): "\(id): \(movement)"
            }
        }.joined(separator: "\n")
    }
}

extension PolicyMovement {
    /// The movement as canonical JSON: `{"sms":{"matrix":…,"minimum":150000,"moved":150000},"ui":{"added":true}}`.
    public var json: String { tree.canonicalText }

    /// The movement as a document, for whoever wants other spaces than none.
    package var tree: JSONTree {
        .object(
            rollouts.map { id, change in
                switch change {
                case .added: (id.text, .object([("added", .boolean(true))]))
                case .removed: (id.text, .object([("removed", .boolean(true))]))
                case .kept(let movement): (id.text, Self.tree(of: movement))
                }
            }
        )
    }

    private static func tree(of movement: RolloutMovement) -> JSONTree {
        let rows = movement.matrix.map { from, row in
            (key: from.text, value: JSONTree.object(row.map { ($0.key.text, .integer($0.value)) }))
        }
        var members: [(key: String, value: JSONTree)] = [
            ("moved", .integer(movement.moved)), ("minimum", .integer(movement.minimum)), ("matrix", .object(rows)),
        ]
        if movement.isExpected { members.append(("expected", .boolean(true))) }
        return .object(members)
    }
}
