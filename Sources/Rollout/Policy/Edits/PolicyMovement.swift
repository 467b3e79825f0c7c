/// How units would move if one policy followed another.
public struct PolicyMovement: Hashable, Sendable {
    /// What happens to a rollout.
    public enum Change: Hashable, Sendable {
        /// Only the new policy has it.
        case added
        /// Only the old policy has it. Its handles serve their default, or the first variant it last had.
        case removed
        /// Both have it.
        case kept(RolloutMovement)
    }

    /// Every rollout of either policy.
    public let rollouts: [RolloutID: Change]
    /// What changes apart from the rollouts.
    public let changes: [PolicyChange]
}

extension RolloutPolicy {
    /// How units would move if another policy followed this one.
    ///
    ///     var next = policy
    ///     try next.setShare(of: .sms, to: .percent(25))
    ///     print(try policy.movement(to: next))
    ///
    /// - Parameter next: The policy to follow.
    /// - Returns: The movement of every rollout of either policy.
    /// - Throws: `PolicyError` if one of the two is invalid.
    public func movement(to next: RolloutPolicy) throws(PolicyError) -> PolicyMovement {
        try validate()
        try next.validate()
        var changes = rollouts.mapValues { _ in PolicyMovement.Change.removed }
        for (id, new) in next.rollouts {
            changes[id] =
                rollouts[id].map { old in
                    var movement = RolloutMovement(from: old, to: new, id: id)
                    if old != new { movement.changes = old.changes(to: new, id: id) }
                    return .kept(movement)
                } ?? .added
        }
        return PolicyMovement(rollouts: changes, changes: self.changes(to: next))
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

extension PolicyMovement: Encodable {
    /// Encodes the movement with the keys and values that ``json`` has.
    public func encode(to encoder: any Encoder) throws { try JSONTree.object(members).encode(to: encoder) }
}

extension PolicyMovement {
    /// The movement as canonical JSON.
    ///
    ///     {"changes":[{"new":8,"old":7,"path":"revision","text":…}],
    ///      "rollouts":{"sms":{"changes":[…],"matrix":{"stable":{"canary":150000,"stable":750000},…},"minimum":150000,
    ///                         "moved":150000},
    ///                  "ui":{"added":true}}}
    ///
    /// `"expected":true` marks numbers that are averages, and `"removed":true` a rollout that the new policy lacks.
    public var json: String { JSONTree.object(members).canonicalText }

    /// The members of ``json``, to be put into another document.
    package var members: [(key: String, value: JSONTree)] {
        let trees = rollouts.map { id, change in (key: id.text, value: Self.tree(of: change)) }
        return [("changes", .array(changes.map(\.tree))), ("rollouts", .object(trees))]
    }

    private static func tree(of change: Change) -> JSONTree {
        switch change {
        case .added: .object([("added", .boolean(true))])
        case .removed: .object([("removed", .boolean(true))])
        case .kept(let movement): tree(of: movement)
        }
    }

    private static func tree(of movement: RolloutMovement) -> JSONTree {
        let rows = movement.matrix.map { from, row in
            (key: from.text, value: JSONTree.object(row.map { ($0.key.text, .integer($0.value)) }))
        }
        var members: [(key: String, value: JSONTree)] = [
            ("moved", .integer(movement.moved)), ("minimum", .integer(movement.minimum)), ("matrix", .object(rows)),
            ("changes", .array(movement.changes.map(\.tree))),
        ]
        if movement.isExpected { members.append(("expected", .boolean(true))) }
        return .object(members)
    }
}

/// How many buckets go from which variant to which if a rollout's definition is replaced, and what else changes.
///
/// Hosts, forced units and assignments are not buckets, and do not count; ``changes`` names them. Buckets outside the
/// coverage, and those of disabled and draining variants, count for the first variant, which serves them. Under a bucketing of
/// few buckets each of these counts as its share in the 1,000,000, and with an enrolment as its share of all units.
public struct RolloutMovement: Hashable, Sendable {
    /// Buckets by old and new variant. Pairs without a bucket are left out.
    public let matrix: [VariantName: [VariantName: Int]]
    /// The old variants in declared order.
    public let before: [VariantName]
    /// The new variants in declared order.
    public let after: [VariantName]
    /// How many buckets come to another variant.
    public let moved: Int
    /// The fewest buckets that any allocation could move between the same shares: their total variation distance.
    public let minimum: Int
    /// How many buckets come to another release, whatever its variant is called.
    public let movedReleases: Int
    /// Whether the numbers are expected values, to the nearest bucket, because the salts, the bucketings or the enrolments
    /// differ, and buckets cannot be compared.
    public let isExpected: Bool
    /// Everything that the two definitions say differently, in the order of the document: whatever can alter an answer or a
    /// cookie is among it.
    public internal(set) var changes: [PolicyChange] = []
}

extension RolloutMovement {
    /// The movement between two valid definitions.
    init(from old: RolloutDefinition, to new: RolloutDefinition, id: RolloutID) {
        let isExact = old.drawsAlike(new, id: id) && old.enrolment == new.enrolment
        let (before, after) = (Allocation(old), Allocation(new))
        var (moved, movedReleases) = (0, 0)
        var matrix: [VariantName: [VariantName: Int]] = [:]
        for pair in isExact ? Self.overlaps(before, after) : Self.products(before, after) where pair.count > 0 {
            let (from, to) = (before.variants[pair.from], after.variants[pair.to])
            matrix[from.name, default: [:]][to.name, default: 0] += pair.count
            if from.name != to.name { moved += pair.count }
            if from.release != to.release { movedReleases += pair.count }
        }
        let names = before.variants.map(\.name)
        let (served, due) = (Dictionary(uniqueKeysWithValues: zip(names, before.served)), after.served)
        self.init(
            matrix: matrix,
            before: names,
            after: after.variants.map(\.name),
            moved: moved,
            minimum: zip(after.variants, due).reduce(0) { $0 + max(0, $1.1 - served[$1.0.name, default: 0]) },
            movedReleases: movedReleases,
            isExpected: !isExact
        )
    }

    /// Buckets that go from one variant to another, both by their places.
    private typealias Pair = (from: Int, to: Int, count: Int)

    /// What the runs of both sides have in common. O(runs).
    private static func overlaps(_ before: Allocation, _ after: Allocation) -> [Pair] {
        let (old, new) = (before.runs, after.runs)
        var pairs: [Pair] = []
        var (start, i, j) = (0, 0, 0)
        while i < old.count, j < new.count {
            let (oldEnd, newEnd) = (old[i].buckets.upperBound, new[j].buckets.upperBound)
            let end = min(oldEnd, newEnd)
            pairs.append((old[i].server, new[j].server, end - start))
            start = end
            if oldEnd == end { i += 1 }
            if newEnd == end { j += 1 }
        }
        if before.enrolledShare == 1 { return pairs }
        // Whoever is not enrolled has the first variant before and after.
        let enrolled = pairs.map { (from: $0.from, to: $0.to, count: before.enrolled($0.count)) }
        return enrolled + [(0, 0, Share.bucketCount - enrolled.reduce(0) { $0 + $1.count })]
    }

    /// What independent draws have in common on average: the products of the shares, rounded so that they add up to all
    /// buckets. In order of names, which decides between equal remainders.
    private static func products(_ before: Allocation, _ after: Allocation) -> [Pair] {
        func byName(_ allocation: Allocation) -> [(place: Int, served: Int)] {
            zip(allocation.variants.indices, allocation.served)
                .sorted { allocation.variants[$0.0].name < allocation.variants[$1.0].name }
        }
        let (rows, columns) = (byName(before), byName(after))
        let weights = rows.flatMap { row in columns.map { row.served * $0.served } }
        return Apportionment(Share.bucketCount, by: weights).counts.enumerated().map { index, count in
            let (row, column) = index.quotientAndRemainder(dividingBy: columns.count)
            return (rows[row].place, columns[column].place, count)
        }
    }
}

extension RolloutMovement: CustomStringConvertible {
    /// `150,000 buckets (15 %) move, the minimum is 150,000`, and what else there is to know.
    public var description: String {
        let share = Share(buckets: moved).map { " (\($0))" } ?? ""
        var text = "\(grouped(moved)) buckets\(share) move, the minimum is \(grouped(minimum))"
        if movedReleases != moved { text += "; \(grouped(movedReleases)) get another release" }
        return isExpected ? text + "; on average, because units are drawn anew" : text
    }
}
