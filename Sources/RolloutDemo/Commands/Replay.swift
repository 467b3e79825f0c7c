import Rollout

extension Option {
    fileprivate static let rollout = Option(
        name: "--rollout",
        value: "ID",
        summary: "the rollout for lines that name none (default: the policy's only one)"
    )
}

extension Command {
    /// Compares assignments that were made elsewhere with those of a policy.
    static let replay = Command(
        name: "replay",
        operands: [Operand(name: "ASSIGNMENTS")],
        options: [.policy, .rollout],
        summary:
            "compares assignments made elsewhere, as JSON Lines (a file or standard input), with those of a policy",
        details: [
            "A line is {\"rollout\": …, \"unit\": …, \"variant\": …}; a variant of null means not enrolled, and other keys are ignored.",
            "Prints for each rollout how many agree, and the first \(ReplayRun.shownDifferences) that do not with both answers and the bucket.",
            "The exit status is 1 if any differs, or a line cannot be read.",
        ]
    ) { arguments throws(Stop) in
        let path = try arguments.required(.policy)
        if path == "-", arguments.operand(0) ?? "-" == "-" {
            throw .unusable(
                "replay: the policy and the assignments cannot both be standard input: name a file for one of them"
            )
        }
        let snapshot = try RolloutSnapshot(replaying: path)
        var run = ReplayRun(snapshot)
        if let id = arguments[.rollout] { try run.setStandard(id) }
        let input = try Input(arguments.operand(0))
        defer { input.close() }
        try run.compare(input)
        return try run.finish()
    }
}

extension RolloutSnapshot {
    /// The policy to compare with: its problems make the command impossible.
    fileprivate init(replaying path: String) throws(Stop) {
        let text = try PolicyText(path)
        guard let bytes = text.bytes else { throw .unusable("the policy is longer than a policy can be") }
        do throws(PolicyError) {
            self = try RolloutSnapshot(replaying: bytes)
        } catch {
            throw .unusable("the policy is invalid\n" + error.problems.map(text.line).joined(separator: "\n"))
        }
    }
}

/// An assignment that was made elsewhere.
private struct AssignmentLine {
    let request: RequestLine
    /// What the unit got, or nil if it was not enrolled.
    let variant: String?

    init(_ line: [UInt8]) throws(RequestLine.Problem) {
        let value = try RequestLine.document(line, keys: ["unit", "rollout", "variant"])
        request = try RequestLine(value)
        guard let variant = value["variant"] else {
            throw RequestLine.Problem(message: "expected \"variant\", a string or null for not enrolled, found none")
        }
        guard variant.isNull || variant.string != nil else {
            throw RequestLine.Problem(
                message: "expected \"variant\" to be a string, or null for not enrolled, found \(variant.excerpt)"
            )
        }
        self.variant = variant.string
    }
}

/// One run over recorded assignments. It keeps counts, and the first differences, however many lines there are.
private struct ReplayRun {
    static let shownDifferences = 10
    private static let shownProblems = 20
    private static let blanks = Set(" \t\r".utf8)

    private let snapshot: RolloutSnapshot
    private var standard: RolloutID?
    private var counts: [RolloutID: (agreeing: Int, differing: Int)] = [:]
    private var differences: [String] = []
    private var compared = 0
    private var refused = 0
    private var errors = Output.error
    private var progress: Progress

    init(_ snapshot: RolloutSnapshot) {
        self.snapshot = snapshot
        if snapshot.policy.rollouts.count == 1 { standard = snapshot.policy.rollouts.keys.first }
        progress = Progress(isWanted: errors.isTerminal)
    }

    private var names: [String] { snapshot.policy.rollouts.keys.sorted().map(\.text) }

    private func unknown(_ id: String) -> String { "unknown rollout \(quoted(id))" + suggestion(for: id, among: names) }

    private func rollout(named text: String) -> RolloutID? {
        RolloutID(text).flatMap { snapshot.policy.rollouts[$0] == nil ? nil : $0 }
    }

    /// Sets the rollout of lines that name none.
    mutating func setStandard(_ text: String) throws(Stop) {
        guard let id = rollout(named: text) else { throw .unusable("--rollout: " + unknown(text)) }
        standard = id
    }

    mutating func compare(_ input: Input) throws(Stop) {
        var reader = LineReader(input)
        var number = 0
        while let line = try reader.next(beforeWaiting: { () throws(Stop) in try flush() }) {
            number += 1
            do throws(RequestLine.Problem) {
                try compare(line, number)
            } catch {
                refused += 1
                if refused <= Self.shownProblems { errors.append(line: "line \(number): \(error.message)") }
            }
            if errors.isFull || number % 8_192 == 0 { try flush() }
        }
    }

    private mutating func compare(_ line: LineReader.Line, _ number: Int) throws(RequestLine.Problem) {
        guard case .bytes(let bytes) = line else {
            throw RequestLine.Problem(message: "expected at most \(grouped(LineReader.limit)) bytes, found more")
        }
        if bytes.allSatisfy(Self.blanks.contains) { return }
        let recorded = try AssignmentLine(bytes)
        let id = try rollout(of: recorded.request)
        let unit = recorded.request.unit?.text
        guard let decision = snapshot.decision(for: unit, in: id) else { return }
        let ours = decision.isEnrolled ? decision.variant.name.text : nil
        compared += 1
        if Self.agree(ours, recorded.variant) {
            counts[id, default: (0, 0)].agreeing += 1
            return
        }
        counts[id, default: (0, 0)].differing += 1
        guard differences.count < Self.shownDifferences else { return }
        let bucket = decision.bucket.map { "bucket \(grouped($0))" } ?? "no bucket"
        let who = unit.map { "unit \(quoted($0))" } ?? "no unit"
        differences.append(
            "line \(number): \(id), \(who): recorded \(Self.spelled(recorded.variant)), ours \(Self.spelled(ours)), "
                + "\(decision.reason), \(bucket)"
        )
    }

    private func rollout(of request: RequestLine) throws(RequestLine.Problem) -> RolloutID {
        if let text = request.rollout {
            guard let id = rollout(named: text) else { throw RequestLine.Problem(message: unknown(text)) }
            return id
        }
        if let standard { return standard }
        let choice = names.isEmpty ? "the policy has none" : "the policy has \(alternatives(names))"
        throw RequestLine.Problem(message: "expected \"rollout\", found none, and no --rollout is given; \(choice)")
    }

    /// By bytes, as all names are compared.
    private static func agree(_ ours: String?, _ recorded: String?) -> Bool {
        guard let ours, let recorded else { return ours == nil && recorded == nil }
        return ours.utf8.elementsEqual(recorded.utf8)
    }

    private static func spelled(_ variant: String?) -> String { variant.map(quoted) ?? "null" }

    private mutating func flush() throws(Stop) {
        try progress.hide(on: &errors)
        try errors.flush()
        try progress.show(compared, on: &errors)
    }

    mutating func finish() throws(Stop) -> ExitStatus {
        try progress.hide(on: &errors)
        if refused > 0 { errors.append(line: "\(counted(refused, "line")) cannot be read") }
        try errors.flush()
        var output = Output.standard
        let differing = counts.values.reduce(0) { $0 + $1.differing }
        var table = Table("lrrr")
        table.add("rollout", "agree", "differ", "agreement")
        for (id, count) in counts.sorted(by: { $0.key < $1.key }) {
            let all = count.agreeing + count.differing
            table.add(
                "\(id)",
                "\(grouped(count.agreeing))",
                "\(grouped(count.differing))",
                "\(agreement(count.agreeing, of: all))"
            )
        }
        let verdict = differing == 0 ? "all agree" : "\(grouped(differing)) differ"
        output.append(line: "\(counted(compared, "assignment")), \(verdict)")
        for line in counts.isEmpty ? [] : table.lines() { output.append(line: line) }
        if !differences.isEmpty {
            output.append(line: "")
            for line in differences { output.append(line: line) }
            if differing > differences.count {
                output.append(line: "and \(grouped(differing - differences.count)) more")
            }
        }
        try output.flush()
        return differing == 0 && refused == 0 ? .success : .problems
    }

    /// A share in percent. Only all of them are 100 %.
    private func agreement(_ part: Int, of whole: Int) -> String {
        let text = percent(part, of: whole)
        return part < whole && text == "100.00 %" ? "99.99 %" : text
    }
}

extension Decision {
    /// Whether the unit got its variant, and not the first one in place of none.
    fileprivate var isEnrolled: Bool { reason != .notEnrolled && reason != .missingUnit }
}
