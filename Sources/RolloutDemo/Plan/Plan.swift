import Rollout

/// What an update would do: who moves where, and whether a router would take it.
struct Plan {
    let movement: PolicyMovement
    private let old: RolloutPolicy
    private let new: RolloutPolicy

    /// A plan for all rollouts, or for one that at least one of the two policies has.
    init(from old: RolloutPolicy, to new: RolloutPolicy, only id: String? = nil) throws(Stop) {
        (self.old, self.new) = (old, new)
        var (before, after) = (old, new)
        if let id {
            let known = Set(old.rollouts.keys).union(new.rollouts.keys)
            guard let only = RolloutID(id), known.contains(only) else {
                let names = known.sorted().map(\.text)
                throw .unusable("--rollout: unknown rollout \(quoted(id))" + suggestion(for: id, among: names))
            }
            before.rollouts = before.rollouts.filter { $0.key == only }
            after.rollouts = after.rollouts.filter { $0.key == only }
        }
        do throws(PolicyError) {
            movement = try before.movement(to: after)
        } catch {
            throw .unusable("the policy is invalid\n\(error)")
        }
    }

    /// The plan for people: a rollout after the other, and what would keep a router from taking the new policy.
    var lines: [String] {
        get async {
            var lines = ["revision \(old.revision) -> \(new.revision)"]
            for (id, change) in movement.rollouts.sorted(by: { $0.key < $1.key }) {
                lines.append("")
                switch change {
                case .added: lines.append("\(id): added")
                case .removed: lines.append("\(id): removed; its handles go on serving the first variant")
                case .kept where old.rollouts[id] == new.rollouts[id]: lines.append("\(id): unchanged")
                case .kept(let movement):
                    lines.append("\(id): \(movement)")
                    lines += movement.table.lines()
                }
            }
            if let objection = await objection { lines += ["", objection] }
            return lines
        }
    }

    /// What a router that runs the old policy has to say against the new one: it is asked, and nobody guesses.
    private var objection: String? {
        get async {
            if new == old { return "Nothing changes: both are the same policy." }
            guard let router = try? RolloutRouter(policy: old) else { return nil }
            do throws(UpdateError) {
                if try await RolloutUpdater(router).update(to: new) == new.revision { return nil }
                return "A router that runs the old policy ignores the new one: its revision is older."
            } catch {
                return "A router that runs the old policy refuses the new one. \(error)"
            }
        }
    }
}

extension RolloutMovement {
    /// With more variants than this, a line a pair is easier to read than a matrix.
    private static let widestMatrix = 6

    /// The matrix, a row for each old variant that serves anybody; of many variants the pairs that share buckets.
    var table: Table {
        let targets = after.filter { to in matrix.values.contains { $0[to] != nil } }
        return targets.count > Self.widestMatrix ? pairs : square(targets)
    }

    private func square(_ targets: [VariantName]) -> Table {
        var table = Table("l" + String(repeating: "rr", count: targets.count))
        table.add([""] + targets.flatMap { [Table.Cell("to \($0)", .dim), ""] })
        for from in before where matrix[from] != nil {
            table.add([Table.Cell("\(from)")] + targets.flatMap { cells(from, $0) })
        }
        return table
    }

    private var pairs: Table {
        var table = Table("lllrr")
        for from in before {
            for to in after where matrix[from]?[to] != nil {
                table.add([Table.Cell("\(from)"), "->", Table.Cell("\(to)")] + cells(from, to))
            }
        }
        return table
    }

    private func cells(_ from: VariantName, _ to: VariantName) -> [Table.Cell] {
        let count = matrix[from]?[to] ?? 0
        let style: Style? = from == to || count == 0 ? nil : .yellow
        let share = Share(buckets: count)?.description ?? ""
        return [Table.Cell(grouped(count), style), Table.Cell(share, style)]
    }
}
