import Rollout

extension Option {
    fileprivate static let rollout = Option(name: "--rollout", value: "ID", summary: "only this rollout (default: all)")
}

extension Command {
    /// Shows who would move where.
    static let plan = Command(
        name: "plan",
        operands: [Operand(name: "OLD", isRequired: true), Operand(name: "NEW", isRequired: true)],
        options: [.rollout, .json],
        summary: "shows who an update would move: buckets by old and new variant, next to the theoretical minimum"
    ) { arguments throws(Stop) in
        let paths = [arguments.operand(0) ?? "-", arguments.operand(1) ?? "-"]
        if paths == ["-", "-"] { throw .unusable("plan: only one of the two policies can be standard input") }
        var problems = Output.error
        var policies: [RolloutPolicy] = []
        for path in paths {
            switch try PolicyDocument(path) {
            case .valid(let policy): policies.append(policy)
            case .invalid(let lines): for line in lines { problems.append(line: line) }
            }
        }
        try problems.flush()
        guard policies.count == 2 else { return .problems }

        let plan = try Plan(from: policies[0], to: policies[1], only: arguments[.rollout])
        var output = Output.standard
        if arguments.has(.json) {
            output.append(line: plan.movement.json)
        } else {
            for line in await plan.lines() { output.append(line: line) }
        }
        try output.flush()
        return .success
    }
}

/// What an update would do: who moves where, and whether a router would take it.
struct Plan {
    let movement: PolicyMovement
    private let old: RolloutPolicy
    private let new: RolloutPolicy

    /// A plan for all rollouts, or only for one that at least one of the policies has.
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

    /// The plan for a person: each rollout, and why a router would not take the new policy.
    func lines() async -> [String] {
        var lines = ["revision \(old.revision) -> \(new.revision)"]
        for (id, change) in movement.rollouts.sorted(by: { $0.key < $1.key }) {
            lines.append("")
            switch change {
            case .added: lines.append("\(id): added")
            case .removed: lines.append("\(id): removed; its handles serve their default, or the first variant")
            case .kept where old.rollouts[id] == new.rollouts[id]: lines.append("\(id): unchanged")
            case .kept(let movement):
                lines.append("\(id): \(movement)")
                lines += movement.table.lines()
            }
        }
        if let objection = await objection() { lines += ["", objection] }
        return lines
    }

    /// Why a router that runs the old policy would not take the new one. A real router is asked.
    private func objection() async -> String? {
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

extension RolloutMovement {
    /// With more variants than this, one line for each pair is easier to read than a matrix.
    private static let widestMatrix = 6

    /// The matrix, with a row for each old variant that serves anybody. For many variants: the pairs that share
    /// buckets.
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
