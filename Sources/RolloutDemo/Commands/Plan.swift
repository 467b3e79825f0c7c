import Rollout

extension Option {
    fileprivate static let rollout = Option(name: "--rollout", value: "ID", summary: "only this rollout (default: all)")
}

extension Command {
    /// Shows what an update would do, and whether a router would take it.
    static let plan = Command(
        name: "plan",
        operands: [Operand(name: "OLD", isRequired: true), Operand(name: "NEW", isRequired: true)],
        options: [.rollout, .json],
        summary: "shows what an update would do: who moves where next to the theoretical minimum, what else changes an "
            + "answer or a cookie, and whether a router that runs OLD would take NEW",
        details: [
            "The verdict is that of a router that runs OLD and is offered NEW:",
            "  accepted    it takes NEW",
            "  unchanged   NEW is OLD, so nothing changes",
            "  ignored     NEW is older than what runs",
            "  refused     NEW would break a rule of updates, such as an epoch that has to rise",
            "A live router may refuse more: it has gates, and it remembers policies before OLD.",
            "",
            "exit status: 0 accepted or unchanged, 1 ignored, refused, or a policy is invalid, 2 a file cannot be used",
            "--rollout narrows what is shown, and not the verdict.",
        ]
    ) { arguments throws(Stop) in
        let paths = [arguments.operand(0) ?? "-", arguments.operand(1) ?? "-"]
        if paths == ["-", "-"] { throw .unusable("plan: only one of the two policies can be standard input") }
        var problems: [String] = []
        var policies: [RolloutPolicy] = []
        for path in paths {
            switch try PolicyDocument(path) {
            case .valid(let policy): policies.append(policy)
            case .invalid(let lines): problems += lines
            }
        }
        guard policies.count == 2 else { throw .problems(problems) }

        let plan = try Plan(from: policies[0], to: policies[1], only: arguments[.rollout])
        let verdict = try await plan.verdict()
        var output = Output.standard
        if arguments.has(.json) {
            output.append(line: JSONTree.object([("verdict", verdict.tree)] + plan.movement.members).canonicalText)
        } else {
            for line in try await plan.lines() { output.append(line: line) }
        }
        try output.flush()
        return verdict.isSuccess ? .success : .problems
    }
}

/// What a router that runs the old policy says to the new one.
enum Verdict {
    case accepted
    case unchanged
    case ignored(code: String, reason: String)
    case refused(code: String, reason: String)

    var isSuccess: Bool {
        switch self {
        case .accepted, .unchanged: true
        case .ignored, .refused: false
        }
    }

    var tree: JSONTree {
        switch self {
        case .accepted: .object([("outcome", .string("accepted"))])
        case .unchanged: .object([("outcome", .string("unchanged"))])
        case .ignored(let code, let reason): Self.tree("ignored", code, reason)
        case .refused(let code, let reason): Self.tree("refused", code, reason)
        }
    }

    private static func tree(_ outcome: String, _ code: String, _ reason: String) -> JSONTree {
        .object([("outcome", .string(outcome)), ("code", .string(code)), ("reason", .string(reason))])
    }

    /// The verdict for a person.
    var line: String {
        switch self {
        case .accepted: "A router that runs the old policy takes the new one."
        case .unchanged: "Nothing changes: both are the same policy."
        case .ignored(_, let reason): "A router that runs the old policy ignores the new one. \(reason)"
        case .refused(_, let reason): "A router that runs the old policy refuses the new one. \(reason)"
        }
    }
}

/// What an update would do: who moves where, what else changes, and whether a router would take it.
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

    /// Up to this many changes of a rollout are listed for a person.
    private static let listed = 20

    /// The plan for a person: each rollout, and what a router would say.
    func lines() async throws(Stop) -> [String] {
        var lines = ["revision \(old.revision) -> \(new.revision)"]
        lines += movement.changes.filter { $0.path != "revision" }.map(\.description)
        for (id, change) in movement.rollouts.sorted(by: { $0.key < $1.key }) {
            lines.append("")
            switch change {
            case .added: lines.append("\(id): added")
            case .removed: lines.append("\(id): removed; its handles serve their default, or the first variant")
            case .kept(let movement) where movement.changes.isEmpty: lines.append("\(id): unchanged")
            case .kept(let movement):
                lines.append("\(id): \(movement)")
                if movement.moved > 0 { lines += movement.table.lines() }
                if let advice = advice(on: movement, in: id) { lines.append("  " + advice) }
                lines += movement.changes.prefix(Self.listed).map { "  \($0)" }
                let rest = movement.changes.count - Self.listed
                if rest > 0 { lines.append("  and \(counted(rest, "change")) more, which --json lists") }
            }
        }
        return lines + ["", try await verdict().line]
    }

    /// How to move fewer, if the rollout moves more than it has to.
    private func advice(on movement: RolloutMovement, in id: RolloutID) -> String? {
        guard movement.moved > movement.minimum else { return nil }
        let excess = grouped(movement.moved - movement.minimum)
        if movement.isExpected {
            return
                "\(excess) more move than have to, because everybody is drawn anew: let the salt, the bucketing and the enrolment stay what they are"
        }
        guard let better = EditAdvice(from: old, to: new, id), better.moved < movement.moved else {
            return "\(excess) more move than have to; no edit moves fewer"
        }
        // Another first variant serves all who are not enrolled, so that not even the same ranges would move nobody.
        let fewest = max(better.moved, movement.minimum)
        return "\(grouped(movement.moved - fewest)) fewer move " + better.description
    }

    /// What a router says that runs the old policy. A real one is asked.
    func verdict() async throws(Stop) -> Verdict {
        let router: RolloutRouter
        do throws(PolicyError) { router = try RolloutRouter(policy: old) } catch {
            throw .unusable("plan: no router can run the old policy\n\(error)")
        }
        let updater = RolloutUpdater(router)
        let before = updater.history.count
        do throws(UpdateError) { try await updater.update(to: new) } catch {
            return .refused(code: error.code.description, reason: error.message)
        }
        guard updater.history.count > before, let record = updater.history.last else { return .unchanged }
        if record.outcome == .accepted { return .accepted }
        let reason = "Revision \(new.revision) is older than \(old.revision): give the new content a higher revision."
        return .ignored(code: "olderRevision", reason: reason)
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
