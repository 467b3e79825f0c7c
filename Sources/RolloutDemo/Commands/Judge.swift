import Rollout

extension Option {
    fileprivate static let quiet = Option(
        name: "--quiet",
        summary: "prints no verdicts: the exit status says the last one"
    )
}

extension Command {
    /// Judges windows that somebody else counted.
    static let judge = Command(
        name: "judge",
        operands: [Operand(name: "WINDOWS")],
        options: [.policyWithPlan, .rolloutWithPlan, .planAlone, .quiet],
        summary: "reads windows of a canary as JSON Lines (a file or standard input), writes one verdict a line",
        details: [
            "A window: {\"seconds\": 15, \"percent\": 5, \"settled\": true, \"stable\": {\"requests\": 1425, \"failures\": 14},",
            "\"canary\": {…}}. To count units, each variant also has \"units\": {\"arrived\", \"entered\", \"enteredFailed\", \"failed\"};",
            "to compare latency, \"slow\": [n, …] with a number for each percentile of the plan. Another percent begins a stage.",
            "Pass all windows of the canary, in order: each run is an analysis of its own.",
            "Exit status: 0 if the last verdict advances or promotes, 3 if it holds, 4 if it rolls back; 1 if a line cannot be",
            "read, after which no line is judged, 2 if the command line cannot be used.",
        ]
    ) { arguments throws(Stop) in
        guard let plan = try arguments.plan()?.plan else {
            throw arguments.unusable("--policy FILE or --plan JSON is missing")
        }
        if arguments[.policyWithPlan] == "-", arguments.operand(0) ?? "-" == "-" {
            throw .unusable(
                "judge: the policy and the windows cannot both be standard input: name a file for one of them"
            )
        }
        let input = try Input(arguments.operand(0))
        defer { input.close() }
        var run = JudgeRun(plan, isQuiet: arguments.has(.quiet))
        return try run.judge(input)
    }
}

/// One run over windows. Verdicts go to standard output and problems to standard error, in the order of the input.
private struct JudgeRun {
    private let plan: ProgressionPlan
    private let isQuiet: Bool
    private var analysis: CanaryAnalysis?
    private var age = 0.0
    private var share = Share.zero
    /// The largest share since the last settled window, which may still have outcomes.
    private var weight = Share.zero
    private var last = CanaryVerdict.hold
    private var output = Output.standard
    private var errors = Output.error

    init(_ plan: ProgressionPlan, isQuiet: Bool) {
        self.plan = plan
        self.isQuiet = isQuiet
    }

    mutating func judge(_ input: Input) throws(Stop) -> ExitStatus {
        var reader = LineReader(input)
        var (number, refused) = (0, 0)
        while let line = try reader.next(beforeWaiting: { () throws(Stop) in try flush() }) {
            number += 1
            do throws(WindowLine.Problem) {
                guard case .bytes(let bytes) = line else {
                    throw WindowLine.Problem("expected at most \(grouped(LineReader.limit)) bytes, found more")
                }
                guard let window = try WindowLine(bytes, percentiles: plan.latency.count) else { continue }
                // What was in the line before is not known, so nothing is known of what follows.
                if refused == 0 { judge(window) }
            } catch {
                refused += 1
                errors.append(line: "line \(number): \(error.message)")
            }
            if output.isFull || errors.isFull { try flush() }
        }
        try flush()
        if refused > 0 { return .problems }
        return switch last {
        case .advance, .promote: .success
        case .hold: .holds
        case .rollBack: .rollsBack
        }
    }

    private mutating func judge(_ line: WindowLine) {
        var analysis = self.analysis ?? CanaryAnalysis(under: plan, at: line.share)
        if line.share != share { age = 0 }
        (share, age) = (line.share, age + line.seconds)
        weight = line.isSettled ? line.share : max(weight, line.share)
        let window = CanaryWindow(
            stable: line.stable,
            canary: line.canary,
            weight: weight,
            isSettled: line.isSettled
        )
        let judgement = analysis.judge(CanaryObservation(share: share, age: age, reading: .window(window)))
        self.analysis = analysis
        last = judgement.verdict
        if !isQuiet { output.append(line: judgement.json) }
    }

    private mutating func flush() throws(Stop) {
        try output.flush()
        try errors.flush()
    }
}

/// One window, read from a line of JSON.
private struct WindowLine {
    let seconds: Double
    let share: Share
    let isSettled: Bool
    let stable: VariantOutcomes
    let canary: VariantOutcomes

    /// Why a line is not a window, and what was expected.
    struct Problem: Error {
        let message: String

        init(_ message: String) { self.message = message }
    }

    private static let blanks = Set(" \t\r".utf8)

    /// Reads a line; nil if it is blank.
    init?(_ line: [UInt8], percentiles: Int) throws(Problem) {
        if line.allSatisfy(Self.blanks.contains) { return nil }
        let document: JSONDocument
        do throws(JSONError) {
            document = try JSONDocument(parsing: line, maximumDepth: 8)
        } catch {
            throw Problem("\(error.message) (byte \(error.offset + 1))")
        }
        if let value = document.duplicates.first {
            throw Problem("expected each key once, found \"\(value.key ?? "")\" twice")
        }
        let root = document.root
        try Self.check(root, "a window", keys: ["seconds", "percent", "settled", "stable", "canary"])
        seconds = try Self.seconds(Self.required("seconds", of: root))
        share = try Self.share(Self.required("percent", of: root))
        let settled = try Self.required("settled", of: root)
        guard let isSettled = settled.boolean else {
            throw Problem("expected \"settled\" to be true or false, found \(settled.excerpt)")
        }
        self.isSettled = isSettled
        stable = try Self.side("stable", of: root, percentiles)
        canary = try Self.side("canary", of: root, percentiles)
    }

    private static func check(_ value: JSONValue, _ what: String, keys: [String]) throws(Problem) {
        guard value.kind == .object else { throw Problem("expected \(what), an object, found \(value.excerpt)") }
        for (key, _) in value.members where !keys.contains(key) {
            throw Problem("unknown key \"\(key)\" in \(what)" + suggestion(for: key, among: keys))
        }
    }

    private static func required(_ key: String, of value: JSONValue) throws(Problem) -> JSONValue {
        guard let member = value[key] else { throw Problem("expected \"\(key)\", found none") }
        return member
    }

    private static func seconds(_ value: JSONValue) throws(Problem) -> Double {
        guard let text = value.numberText, let seconds = Double(text), seconds >= 0, seconds <= 1e9 else {
            throw Problem("expected \"seconds\" to be a number in 0 ... 1,000,000,000, found \(value.excerpt)")
        }
        return seconds
    }

    private static func share(_ value: JSONValue) throws(Problem) -> Share {
        guard value.kind == .number, let buckets = value.decimal(scale: 4), let share = Share(buckets: buckets) else {
            throw Problem(
                "expected \"percent\" to be a percentage in 0 ... 100, a multiple of 0.0001, found \(value.excerpt)"
            )
        }
        return share
    }

    private static func count(_ key: String, of value: JSONValue) throws(Problem) -> Int {
        let member = try required(key, of: value)
        guard let count = member.integer(as: Int.self) else {
            throw Problem("expected \"\(key)\" to be an integer, found \(member.excerpt)")
        }
        return count
    }

    private static func side(_ name: String, of root: JSONValue, _ percentiles: Int) throws(Problem)
        -> VariantOutcomes
    {
        let value = try required(name, of: root)
        try check(value, "\"\(name)\"", keys: ["requests", "failures", "units", "slow"])
        var side = VariantOutcomes(
            requests: try count("requests", of: value),
            failures: try count("failures", of: value)
        )
        if let units = value["units"] {
            try check(units, "\"units\"", keys: ["arrived", "entered", "enteredFailed", "failed"])
            side.units = VariantOutcomes.Units(
                arrived: try count("arrived", of: units),
                entered: try count("entered", of: units),
                enteredFailed: try count("enteredFailed", of: units),
                failed: try count("failed", of: units)
            )
        }
        if let slow = value["slow"] {
            let counts = slow.elements.compactMap { $0.integer(as: Int.self) }
            guard slow.kind == .array, counts.count == slow.count, counts.count == percentiles else {
                throw Problem(
                    "expected \"slow\" of \"\(name)\" to be \(counted(percentiles, "integer")), one for each percentile "
                        + "of the plan, found \(slow.excerpt)"
                )
            }
            side.slow = .thanThresholds(counts)
        }
        return side
    }
}
