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
    fileprivate static let cookies = Option(
        name: "--cookies",
        value: "C",
        summary: "the value of the Cookie header (default: none)"
    )
}

extension Command {
    /// Says why a request gets what it gets: the library's explanation, printed.
    static let explain = Command(
        name: "explain",
        options: [.policy, .rollout, .unit, .host, .cookies, .keys, .keysReadableBy, .now, .json],
        summary: "explains the decision for one request: each rule in order, which one decided, and why"
    ) { arguments throws(Stop) in
        let policy = try RolloutPolicy(at: arguments.required(.policy))
        let handle = try RouteTargets(policy).target(ofOption: try arguments.required(.rollout)).handle
        let now = try arguments.time(.now) ?? .now
        let readers = try arguments.keyReaders()
        let (unit, host, cookies) = (arguments[.unit], arguments[.host], arguments[.cookies])

        let (text, json): (String, String)
        if let keys = arguments[.keys] {
            let request = SessionRequest(unit: unit, host: host, cookies: cookies, now: now)
            let sessions = try SessionRouter(keysAt: keys, allowing: readers)
            let explanation = sessions.explanation(for: request, through: handle)
            (text, json) = (explanation.description, explanation.json)
        } else {
            let explanation = handle.explanation(for: unit, host: host)
            let note = cookies == nil ? "" : "\nThe cookies were not read, because no --keys is given."
            (text, json) = (explanation.description + note, explanation.json)
        }
        var output = Output.standard
        output.append(line: arguments.has(.json) ? json : text)
        try output.flush()
        return .success
    }
}
