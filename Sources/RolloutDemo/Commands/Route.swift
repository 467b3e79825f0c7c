import Rollout

extension Option {
    fileprivate static let rollout = Option(
        name: "--rollout",
        value: "ID",
        summary: "the rollout for lines that name none (default: the policy's only one)"
    )
    fileprivate static let quiet = Option(name: "--quiet", summary: "prints neither the summary nor the progress")
    fileprivate static let allProblems = Option(
        name: "--all-problems",
        summary:
            "prints every line that cannot be read (default: the first \(RouteRun.shownProblems), and how many more)"
    )
}

extension Command {
    /// Decides a stream of requests.
    static let route = Command(
        name: "route",
        operands: [Operand(name: "REQUESTS")],
        options: [.policy, .rollout, .now, .keys, .keysReadableBy, .quiet, .allProblems],
        summary: "reads requests as JSON Lines (a file or standard input), writes one decision a line and a summary",
        details: [
            "The summary also says what is odd about the requests: one unit that makes up more than 5 % of them, and a split",
            "that differs from the shares by more than chance. For that the first request of each bucket counts.",
        ]
    ) { arguments throws(Stop) in
        let path = try arguments.required(.policy)
        if path == "-", arguments.operand(0) ?? "-" == "-" {
            throw .unusable(
                "route: the policy and the requests cannot both be standard input: name a file for one of them"
            )
        }
        let policy = try RolloutPolicy(at: path)
        let now = try arguments.time(.now)
        let readers = try arguments.keyReaders()
        let sessions = try arguments[.keys].map { path throws(Stop) in
            try SessionRouter(keysAt: path, allowing: readers)
        }
        let targets = try RouteTargets(policy)
        let standard = if let id = arguments[.rollout] { try targets.target(ofOption: id) } else { targets.only }
        let input = try Input(arguments.operand(0))
        defer { input.close() }
        var run = RouteRun(targets, standard: standard, isQuiet: arguments.has(.quiet))
        run.showsAllProblems = arguments.has(.allProblems)
        let keepsCookies = policy.rollouts.values.contains { $0.sticky != nil }
        run.now = now
        if let sessions {
            run.sessions = sessions
            if !keepsCookies { run.note("no rollout of the policy has \"sticky\", so --keys has no effect") }
        } else if keepsCookies {
            run.note("cookies are neither read nor written, because no --keys is given")
        }
        try run.route(input)
        return try run.finish()
    }
}

/// One run over an input. Decisions go to standard output and problems to standard error, in the order of the input.
///
/// Both are collected. They are written when they are full, and before the run has to wait for input.
private struct RouteRun {
    private let targets: RouteTargets
    /// The rollout for requests that name none.
    private let standard: RouteTargets.Target?
    private let isQuiet: Bool
    /// What reads and writes cookies, or nil if cookies are ignored.
    var sessions: SessionRouter?
    /// The time of every request, or nil to take it from the clock.
    var now: UnixTime?
    var showsAllProblems = false
    private var decisions = DecisionLine()
    private var output = Output.standard
    private var errors = Output.error
    private var tally = Tally()
    private var data = RouteData()
    private var refused = 0
    private var progress: Progress

    /// A log of another kind has a problem in every line.
    static let shownProblems = 20
    private static let blanks = Set(" \t\r".utf8)

    init(_ targets: RouteTargets, standard: RouteTargets.Target?, isQuiet: Bool) {
        self.targets = targets
        self.standard = standard
        self.isQuiet = isQuiet
        progress = Progress(isWanted: !isQuiet && errors.isTerminal)
    }

    /// Says something about the whole run.
    mutating func note(_ text: String) {
        if !isQuiet { errors.append(line: "\(Program.name): \(text)") }
    }

    mutating func route(_ input: Input) throws(Stop) {
        var reader = LineReader(input)
        var number = 0
        while let line = try reader.next(beforeWaiting: { () throws(Stop) in try flush() }) {
            number += 1
            do throws(RequestLine.Problem) {
                try decide(line, number)
            } catch {
                refused += 1
                if showsAllProblems || refused <= Self.shownProblems {
                    errors.append(line: "line \(number): \(error.message)")
                }
            }
            if decisions.isFull || errors.isFull { try flush() }
        }
        try flush()
    }

    mutating func finish() throws(Stop) -> ExitStatus {
        try progress.hide(on: &errors)
        if !showsAllProblems, refused > Self.shownProblems {
            let more = counted(refused - Self.shownProblems, "more line")
            errors.append(line: "\(more) cannot be read; --all-problems prints them")
        }
        if !isQuiet {
            let summary = Summary(
                policy: targets.router.snapshot().policy,
                status: targets.router.status,
                tally: tally,
                data: data,
                refused: refused,
                now: now
            )
            errors.append(summary.text)
            if let counts = sessions?.counts {
                for cause in CookieObstacle.allCases where counts.unwritten(cause) > 0 {
                    let count = grouped(counts.unwritten(cause))
                    errors.append(line: "cookies that could not be written: \(count), \(cause)")
                }
            }
        }
        try errors.flush()
        return refused == 0 ? .success : .problems
    }

    private mutating func decide(_ line: LineReader.Line, _ number: Int) throws(RequestLine.Problem) {
        guard case .bytes(let bytes) = line else {
            throw RequestLine.Problem(message: "expected at most \(grouped(LineReader.limit)) bytes, found more")
        }
        if bytes.allSatisfy(Self.blanks.contains) { return }
        let request = try RequestLine(bytes)
        let target = try targets.target(of: request, standard: standard)
        let (decision, setCookie) = answer(to: request, from: target.handle)
        tally.count(decision)
        data.count(decision, for: request.unit?.text, in: target.id)
        decisions.append(decision, setCookie: setCookie, line: number, for: request.unit, in: target.id)
    }

    private func answer(to request: RequestLine, from handle: RolloutHandle) -> (Decision, setCookie: String?) {
        guard let sessions else { return (handle.decision(for: request.unit?.text, host: request.host), nil) }
        let answer = sessions.route(
            SessionRequest(
                unit: request.unit?.text,
                host: request.host,
                cookies: request.cookies,
                now: now ?? .now
            ),
            through: handle
        )
        return (answer.decision, answer.setCookie)
    }

    private mutating func flush() throws(Stop) {
        try progress.hide(on: &errors)
        try decisions.flush(to: &output)
        try errors.flush()
        try progress.show(tally.decided, on: &errors)
    }
}

/// The rollouts of a policy, ready to decide.
struct RouteTargets {
    struct Target {
        let id: RolloutID
        let handle: RolloutHandle
    }

    let router: RolloutRouter
    private let targets: [RolloutID: Target]

    /// The policy's rollout, if it has exactly one.
    var only: Target? { targets.count == 1 ? targets.values.first : nil }

    /// The rollouts of a policy that was read and so is valid.
    init(_ policy: RolloutPolicy) throws(Stop) {
        do throws(PolicyError) {
            router = try RolloutRouter(policy: policy)
        } catch {
            throw .unusable("the policy is invalid\n\(error)")
        }
        var targets: [RolloutID: Target] = [:]
        for id in policy.rollouts.keys { targets[id] = router.rollout(id).map { Target(id: id, handle: $0) } }
        self.targets = targets
    }

    /// The rollout that `--rollout` names.
    func target(ofOption id: String) throws(Stop) -> Target {
        guard let target = named(id) else { throw .unusable("--rollout: " + unknown(id)) }
        return target
    }

    /// The rollout that a request names, or else the standard one.
    func target(of request: RequestLine, standard: Target?) throws(RequestLine.Problem) -> Target {
        if let id = request.rollout {
            guard let target = named(id) else { throw RequestLine.Problem(message: unknown(id)) }
            return target
        }
        if let standard { return standard }
        let choice = names.isEmpty ? "the policy has none" : "the policy has \(alternatives(names))"
        throw RequestLine.Problem(message: "expected \"rollout\", found none, and no --rollout is given; \(choice)")
    }

    private var names: [String] { targets.keys.sorted().map(\.text) }

    private func named(_ id: String) -> Target? { RolloutID(id).flatMap { targets[$0] } }

    private func unknown(_ id: String) -> String { "unknown rollout \(quoted(id))" + suggestion(for: id, among: names) }
}
