import Rollout

extension Option {
    fileprivate static let rollout = Option(
        name: "--rollout",
        value: "ID",
        isRequired: true,
        summary: "the rollout that decides"
    )
    fileprivate static let unit = Option(name: "--unit", value: "U", summary: "what is bucketed (default: none)")
    fileprivate static let cookies = Option(
        name: "--cookies",
        value: "C",
        summary: "the value of the Cookie header (default: none)"
    )
    fileprivate static let host = Option(name: "--host", value: "H", summary: "the host of the request (default: none)")
}

extension Command {
    /// Tells why a request gets what it gets.
    static let explain = Command(
        name: "explain",
        options: [.policy, .rollout, .unit, .host, .cookies, .keys, .now],
        summary: "tells how one request is decided: each rule in order, which one decided, and why"
    ) { arguments throws(Stop) in
        let policy = try PolicyFile.policy(at: try arguments.required(.policy))
        let now = try arguments.time(.now) ?? .now
        let target = try RouteTargets(policy, now: now).target(ofOption: try arguments.required(.rollout))
        let (unit, host, cookies) = (arguments[.unit], arguments[.host], arguments[.cookies])
        let answer = try arguments[.keys].map { path throws(Stop) in
            try KeyFile.sessions(at: path).route(
                SessionRequest(unit: unit, host: host, cookies: cookies, now: now),
                through: target.handle
            )
        }
        let session: ExplainedSession = answer.map { .read($0) } ?? (cookies == nil ? .none : .unread)
        let explanation = Explanation(of: target.id, target.definition, unit: unit, host: host, session)

        var output = Output.standard
        let (definition, revision) = (target.definition, policy.revision)
        let kind = definition.strategy.kind.rawValue
        output.append(line: "\(target.id): \(kind), epoch \(definition.epoch), policy revision \(revision)")
        output.append(line: "request: unit \(unit.map(quoted) ?? "none"), host \(host.map(quoted) ?? "none")")
        output.append(line: "")
        for line in explanation.lines { output.append(line: line) }
        output.append(line: "")
        output.append(line: "decision: \(answer?.decision ?? target.handle.decision(for: unit, host: host))")
        if let setCookie = answer?.setCookie { output.append(line: "set-cookie: \(setCookie)") }
        try output.flush()
        return .success
    }
}
