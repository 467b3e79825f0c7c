import Rollout

extension Option {
    fileprivate static let rate = Option(name: "--rate", value: "N", summary: "requests a minute (default: 6000)")
    fileprivate static let stable = Option(
        name: "--stable",
        value: "PCT",
        summary: "the percentage of stable's requests that fail (default: 1)"
    )
    fileprivate static let canary = Option(
        name: "--canary",
        value: "PCT[,SHARE:PCT …]",
        summary: "the canary's, and from which share on another one: 1,50:3 (default: as stable)"
    )
    fileprivate static let incident = Option(
        name: "--incident",
        value: "FROM-TO:PCT",
        summary: "minutes in which at least so many requests of both fail: 20-25:10"
    )
    fileprivate static let minutes = Option(
        name: "--minutes",
        value: "N",
        summary: "the longest time that is simulated (default: 1440)"
    )
    fileprivate static let runs = Option(name: "--runs", value: "N", summary: "so many canaries (default: 1)")
    fileprivate static let seed = Option(name: "--seed", value: "N", summary: "the first run's seed (default: 1)")
    fileprivate static let svg = Option(name: "--svg", value: "FILE", summary: "writes a picture of the run to a file")
}

extension Command {
    /// Tries a plan on simulated requests.
    static let simulate = Command(
        name: "simulate",
        options: [
            .policyWithPlan, .rolloutWithPlan, .planAlone, .rate, .stable, .canary, .incident, .minutes, .runs, .seed,
            .svg,
            .json,
        ],
        summary: "tries a plan on simulated requests, with Flagger's rule on the same ones beside it",
        details: [
            "Without --policy or --plan, the plan is {\"steps\": [1, 5, 25, 50]}. Each request comes from a unit of its own. A",
            "canary begins at the first step. One run prints a row for each change of share or verdict; more runs print how",
            "many were promoted or taken back, when, and how many failures there were beyond stable's rate.",
        ]
    ) { arguments throws(Stop) in
        let standard = ProgressionPlan(steps: [1, 5, 25, 50].map { .percent($0) })
        let setup = try SimulationSetup(arguments, try arguments.plan() ?? (standard, standard.settle))
        var output = Output.standard
        if setup.runs == 1 {
            let run = setup.progression(setup.seed)
            if let path = arguments[.svg] {
                do throws(FileError) {
                    try DurableFile.replace(path, with: Array(SimulationPlot(run: run).svg.utf8))
                } catch {
                    throw .unusable("--svg: \(error)")
                }
            }
            output.append(arguments.has(.json) ? setup.json(run) + "\n" : setup.report(run))
        } else {
            if arguments.has(.svg) { throw arguments.unusable("--svg draws one run: leave --runs out") }
            let summary = setup.summary()
            output.append(arguments.has(.json) ? summary.json + "\n" : summary.text)
        }
        try output.flush()
        return .success
    }
}

/// What is simulated.
private struct SimulationSetup {
    let plan: ProgressionPlan
    /// Seconds until nothing of an earlier share is under way.
    let settling: Int
    var traffic = SimulatedTraffic()
    let minutes: Int
    let runs: Int
    let seed: UInt64

    init(_ arguments: Arguments, _ source: (plan: ProgressionPlan, settling: Int)) throws(Stop) {
        (plan, settling) = source
        traffic.rate = try arguments.integer(.rate, in: 1...10_000_000) ?? traffic.rate
        minutes = try arguments.integer(.minutes, in: 1...100_000) ?? 1_440
        runs = try arguments.integer(.runs, in: 1...100_000) ?? 1
        let windows = 60 * minutes / plan.interval
        guard windows <= 1_000_000 else {
            throw .unusable("simulate: \(grouped(windows)) windows are too many: at most 1,000,000; lower --minutes")
        }
        seed = UInt64(try arguments.integer(.seed, in: 0...Int.max) ?? 1)
        if let text = arguments[.stable] { traffic.stable = try Self.rate(text, of: .stable, arguments) }
        traffic.canary = [(.zero, traffic.stable)]
        if let text = arguments[.canary] { traffic.canary = try Self.canary(text, arguments) }
        if let text = arguments[.incident] { traffic.incident = try Self.incident(text, arguments) }
    }

    private static func rate(_ text: String, of option: Option, _ arguments: Arguments) throws(Stop) -> Double {
        guard let share = Share(percentText: text) else {
            throw arguments.unusable("\(option.name) needs a percentage in 0 ... 100, found \"\(text)\"")
        }
        return share.fraction
    }

    private static func canary(_ text: String, _ arguments: Arguments) throws(Stop) -> [(from: Share, rate: Double)] {
        var rates: [(from: Share, rate: Double)] = []
        for (index, part) in text.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
            let words = part.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            let from = index == 0 ? Share.zero : Share(percentText: words[0])
            guard words.count == (index == 0 ? 1 : 2), let from,
                index == 0 || rates.last.map({ $0.from < from }) ?? true
            else {
                throw arguments.unusable(
                    "--canary needs a percentage, and then shares that rise with percentages, such as 1,25:2,50:3; "
                        + "found \"\(text)\""
                )
            }
            rates.append((from, try rate(words[words.count - 1], of: .canary, arguments)))
        }
        return rates
    }

    private static func incident(_ text: String, _ arguments: Arguments) throws(Stop) -> (Range<Double>, Double) {
        let words = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let times = (words.first ?? "").split(separator: "-", omittingEmptySubsequences: false).map { Double($0) }
        guard words.count == 2, times.count == 2, let from = times[0], let to = times[1], from >= 0, from < to,
            to.isFinite
        else {
            throw arguments.unusable("--incident needs minutes and a percentage, such as 20-25:10; found \"\(text)\"")
        }
        return (from..<to, try rate(words[1], of: .incident, arguments))
    }

    func progression(_ seed: UInt64) -> SimulatedProgression {
        SimulatedProgression(plan, settling: settling, traffic, minutes: minutes, seed: seed)
    }

    func flagger(_ seed: UInt64) -> SimulatedEnd { FlaggerRule.run(traffic, minutes: minutes, seed: seed) }

    // MARK: One run

    func report(_ run: SimulatedProgression) -> String {
        var table = Table("rrrrrrrl")
        table.add("minute", "share", "canary", "failed", "stable", "harm", "gate", "verdict")
        for moment in run.turns {
            let evidence = moment.judgement.evidence
            table.add(
                "\(significant(moment.minute, digits: 6))",
                "\(moment.share)",
                "\(grouped(moment.stage.canary.requests))",
                "\(percent(moment.stage.canary.failures, of: moment.stage.canary.requests))",
                "\(percent(moment.stage.stable.failures, of: moment.stage.stable.requests))",
                "\(evidence.map { significant($0.harm, digits: 3) } ?? "-")",
                "\(evidence.map { significant($0.gate, digits: 3) } ?? "-")",
                "\(moment.judgement.words)"
            )
        }
        let needed = run.moments.last?.judgement.evidence.map {
            "Taken back at harm \(significant($0.harmNeeded, digits: 3)); goes on at gate \(significant($0.gateNeeded, digits: 3)).\n"
        }
        return table.lines().joined(separator: "\n") + "\n\n" + (needed ?? "")
            + "This plan: \(sentence(run.end))\n" + "Flagger's rule: \(sentence(flagger(seed)))\n"
    }

    private func sentence(_ end: SimulatedEnd) -> String {
        let minutes = significant(end.minutes, digits: 6)
        let start = end.outcome == .open ? "still open" : end.outcome.rawValue
        let harm = significant(end.excess, digits: 3)
        return "\(start) after \(minutes) min, \(harm) failures beyond stable's rate."
    }

    func json(_ run: SimulatedProgression) -> String {
        let turns = run.turns.map { moment -> JSONTree in
            .object([
                ("minute", .number(significant(moment.minute, digits: 6))),
                ("requests", .integer(moment.stage.canary.requests)),
                ("failures", .integer(moment.stage.canary.failures)),
                ("stableRequests", .integer(moment.stage.stable.requests)),
                ("stableFailures", .integer(moment.stage.stable.failures)),
                ("judgement", moment.judgement.tree),
            ])
        }
        return JSONTree.object([
            ("turns", .array(turns)), ("plan", tree(run.end)), ("flagger", tree(flagger(seed))),
        ]).canonicalText
    }

    private func tree(_ end: SimulatedEnd) -> JSONTree {
        .object([
            ("outcome", .string(end.outcome.rawValue)),
            ("minutes", .number(significant(end.minutes, digits: 6))),
            ("failuresBeyondStable", .number(significant(end.excess, digits: 6))),
        ])
    }

    // MARK: More runs

    func summary() -> SimulationSummary {
        var (plans, flagger): ([SimulatedEnd], [SimulatedEnd]) = ([], [])
        for index in 0..<runs {
            let seed = seed &+ UInt64(index)
            plans.append(progression(seed).end)
            flagger.append(self.flagger(seed))
        }
        return SimulationSummary(plans: plans, flagger: flagger)
    }
}

/// What many runs came to.
private struct SimulationSummary {
    let plans: [SimulatedEnd]
    let flagger: [SimulatedEnd]

    private struct Row {
        let ends: [SimulatedEnd]

        func count(_ outcome: SimulatedEnd.Outcome) -> Int { ends.count { $0.outcome == outcome } }

        /// The minutes that a part of the runs needed.
        func minutes(_ part: Double) -> Double {
            let sorted = ends.map(\.minutes).sorted()
            return sorted[min(sorted.count - 1, Int(part * Double(sorted.count)))]
        }

        var harm: Double { ends.reduce(0) { $0 + $1.excess } / Double(ends.count) }
    }

    private var rows: [(name: String, row: Row)] {
        [("this plan", Row(ends: plans)), ("Flagger's rule", Row(ends: flagger))]
    }

    var text: String {
        var table = Table("lrrrrrr")
        table.add("", "promoted", "taken back", "open", "median", "90 %", "failures")
        for (name, row) in rows {
            let all = row.ends.count
            table.add(
                "\(name)",
                "\(percent(row.count(.promoted), of: all))",
                "\(percent(row.count(.takenBack), of: all))",
                "\(percent(row.count(.open), of: all))",
                "\(significant(row.minutes(0.5), digits: 6)) min",
                "\(significant(row.minutes(0.9), digits: 6)) min",
                "\(significant(row.harm, digits: 3))"
            )
        }
        return table.lines().joined(separator: "\n")
            + "\n\nOf \(counted(plans.count, "run")). The last column: failures of a run beyond stable's rate, on average.\n"
    }

    var json: String {
        func tree(_ row: Row) -> JSONTree {
            .object([
                ("promoted", .integer(row.count(.promoted))),
                ("takenBack", .integer(row.count(.takenBack))),
                ("open", .integer(row.count(.open))),
                ("medianMinutes", .number(significant(row.minutes(0.5), digits: 6))),
                ("p90Minutes", .number(significant(row.minutes(0.9), digits: 6))),
                ("failuresBeyondStable", .number(significant(row.harm, digits: 6))),
            ])
        }
        return JSONTree.object([
            ("runs", .integer(plans.count)), ("plan", tree(rows[0].row)), ("flagger", tree(rows[1].row)),
        ]).canonicalText
    }
}

extension CanaryJudgement {
    /// The verdict and why, as a table has it: `hold: dwelling`, `advance`.
    var words: String { verdict.rawValue + (reason.map { ": \($0.rawValue)" } ?? "") }
}

extension Arguments {
    /// The value of an option that is an integer.
    fileprivate func integer(_ option: Option, in range: ClosedRange<Int>) throws(Stop) -> Int? {
        guard let text = self[option] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw unusable("\(option.name) needs an integer in \(spelled(range)), found \"\(text)\"")
        }
        return number
    }
}
