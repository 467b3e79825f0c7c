import Rollout

extension Option {
    fileprivate static let rollout = Option(
        name: "--rollout",
        value: "ID",
        summary: "the rollout of lines that name none (default: the policy's only one)"
    )
    fileprivate static let quiet = Option(name: "--quiet", summary: "no summary, no progress")
}

extension Command {
    /// Decides a stream of requests.
    static let route = Command(
        name: "route",
        operands: [Operand(name: "REQUESTS")],
        options: [.policy, .rollout, .now, .keys, .quiet],
        summary: "reads requests as JSON Lines (a file, or standard input), writes one decision a line, sums up"
    ) { arguments throws(Stop) in
        let policy = try PolicyFile.policy(at: try arguments.required(.policy))
        let now = try arguments.time(.now)
        let sessions = try arguments[.keys].map { path throws(Stop) in try KeyFile.sessions(at: path) }
        let targets = try RouteTargets(policy, now: now ?? .now)
        let standard = if let id = arguments[.rollout] { try targets.target(ofOption: id) } else { targets.only }
        let input = try Input(arguments.operand(0))
        defer { input.close() }
        var run = RouteRun(targets, standard: standard, isQuiet: arguments.has(.quiet))
        let keepsCookies = policy.rollouts.values.contains { $0.sticky != nil }
        if let sessions {
            run.sessions = sessions
            run.now = now
            if !keepsCookies { run.note("no rollout of the policy has \"sticky\": none keeps a cookie, --keys or not") }
        } else if keepsCookies {
            run.note("no --keys is given: cookies are neither read nor written")
        }
        try run.route(input)
        return try run.finish(policy)
    }
}

/// One run over an input: decisions to standard output, what is wrong to standard error, in the order of the input.
///
/// Both are collected and written when they are full, and before the input has to be waited for.
private struct RouteRun {
    private let targets: RouteTargets
    /// Where a request goes that names no rollout.
    private let standard: RouteTargets.Target?
    private let isQuiet: Bool
    /// What reads and writes cookies, or nil for nobody.
    var sessions: SessionRouter?
    /// The time of every request, or nil for the clock's.
    var now: UnixTime?
    private var decisions = DecisionLine()
    private var output = Output.standard
    private var errors = Output.error
    private var tally = Tally()
    private var refused = 0
    private var progress: Progress

    private static let blanks = Set(" \t\r".utf8)

    init(_ targets: RouteTargets, standard: RouteTargets.Target?, isQuiet: Bool) {
        self.targets = targets
        self.standard = standard
        self.isQuiet = isQuiet
        progress = Progress(isWanted: !isQuiet && errors.isTerminal)
    }

    /// Says something once, before all else.
    mutating func note(_ text: String) {
        if !isQuiet { errors.append(line: "\(Program.name): \(text)") }
    }

    mutating func route(_ input: Input) throws(Stop) {
        var reader = LineReader(input)
        var number = 0
        while let line = try reader.next(beforeWaiting: { () throws(Stop) in try flush() }) {
            number += 1
            do throws(RequestLine.Problem) {
                try decide(line)
            } catch {
                refused += 1
                errors.append(line: "line \(number): \(error.message)")
            }
            if decisions.isFull || errors.isFull { try flush() }
        }
        try flush()
    }

    mutating func finish(_ policy: RolloutPolicy) throws(Stop) -> ExitStatus {
        try progress.hide(on: &errors)
        if !isQuiet {
            errors.append(Summary(policy: policy, tally: tally, refused: refused).text)
            try errors.flush()
        }
        return refused == 0 ? .success : .problems
    }

    private mutating func decide(_ line: LineReader.Line) throws(RequestLine.Problem) {
        guard case .bytes(let bytes) = line else {
            throw RequestLine.Problem(message: "expected at most \(grouped(LineReader.limit)) bytes, found more")
        }
        if bytes.allSatisfy(Self.blanks.contains) { return }
        let request = try RequestLine(bytes)
        let target = try targets.target(of: request, standard: standard)
        let (decision, setCookie) = answer(to: request, from: target.handle)
        tally.count(decision)
        decisions.append(decision, setCookie: setCookie, for: request.unit, in: target.id)
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
