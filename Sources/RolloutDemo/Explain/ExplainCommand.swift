import Rollout

extension Option {
    fileprivate static let rollout = Option(
        name: "--rollout",
        value: "ID",
        isRequired: true,
        summary: "the rollout that decides"
    )
    fileprivate static let unit = Option(name: "--unit", value: "U", summary: "what is bucketed (default: none)")
    fileprivate static let host = Option(name: "--host", value: "H", summary: "the host of the request (default: none)")
}

extension Command {
    /// Tells why a request gets what it gets.
    static let explain = Command(
        name: "explain",
        options: [.policy, .rollout, .unit, .host, .now],
        summary: "tells how one request is decided: each rule in order, which one decided, and why"
    ) { arguments throws(Stop) in
        let policy = try PolicyFile.policy(at: try arguments.required(.policy))
        let now = try arguments.integer(.now) ?? Platform.unixTime
        let target = try RouteTargets(policy, now: now).target(ofOption: try arguments.required(.rollout))
        let (unit, host) = (arguments[.unit], arguments[.host])
        let explanation = Explanation(of: target.id, target.definition, unit: unit, host: host)

        var output = Output.standard
        let (definition, revision) = (target.definition, policy.revision)
        let kind = definition.strategy.kind.rawValue
        output.append(line: "\(target.id): \(kind), epoch \(definition.epoch), policy revision \(revision)")
        output.append(line: "request: unit \(unit.map(quoted) ?? "none"), host \(host.map(quoted) ?? "none")")
        output.append(line: "")
        for line in explanation.lines { output.append(line: line) }
        output.append(line: "")
        output.append(line: "decision: \(target.handle.decision(for: unit, host: host))")
        try output.flush()
        return .success
    }
}
