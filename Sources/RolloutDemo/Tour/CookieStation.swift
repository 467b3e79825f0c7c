import Rollout

extension Station {
    /// Visitors with cookies, before and after a ramp and a rollback.
    static let cookies = Station(title: "Sessions that keep their version") { stage throws(Stop) in
        var policy = stage.policy
        policy.rollouts["sms"]?.sticky = StickyCookie(name: "sms-app-version", maxAge: 3600)
        policy.rollouts["sms"]?.missingUnit = .assign
        let router = try stage.router(policy)
        let updater = RolloutUpdater(router)
        let handle = try stage.rollout("sms", of: router)
        let sessions = SessionRouter(keys: try freshKeys())
        var crowd = [Browser](repeating: Browser(), count: 2_000)
        let start: UnixTime = 1_800_000_000
        var now = start
        let invitation = sessions.invite(to: "canary", through: handle, host: "sms-app.local", now: start)
        var guest = [Browser(cookie: invitation.map { String($0.prefix { $0 != ";" }) })]
        var isGuestInside: [Bool] = []

        var table = Table("lrrr")
        table.head("", "in the canary", "moved", "cookies written")
        func row(_ name: String, _ visitors: inout [Browser]) {
            let before = sessions.counts.written
            let (inside, moved) = visits(of: &visitors, sessions, handle, at: now)
            table.add(
                "\(name)",
                "\(percent(inside, of: visitors.count))",
                "\(grouped(moved))",
                "\(grouped(sessions.counts.written - before))"
            )
            isGuestInside.append(visits(of: &guest, sessions, handle, at: now).inside > 0)
        }
        row("canary at 10 %, first visits", &crowd)
        policy.revision += 1
        policy.rollouts["sms"]?.strategy = .canary(
            .percent(50),
            stable: [.app: "v1", .model: "v1"],
            canary: [.app: "v2", .model: "v2"]
        )
        try await update(updater, to: policy)
        now = UnixTime(seconds: start.seconds + 600)
        row("at 50 %, the same visitors", &crowd)
        var newcomers = [Browser](repeating: Browser(), count: crowd.count)
        row("at 50 %, new visitors", &newcomers)
        policy.revision += 1
        policy.rollouts["sms"]?.epoch += 1
        policy.rollouts["sms"]?.disabled = ["canary"]
        try await update(updater, to: policy)
        row("rolled back, the first visitors", &crowd)
        stage.say("\(grouped(crowd.count)) visitors without an account. A signed cookie keeps each in one version.")
        stage.show(table)
        stage.say("Cookies of the older epoch, which count no more: \(grouped(sessions.counts.lost(.olderEpoch))).")
        let stages = isGuestInside.map { $0 ? "yes" : "no" }.joined(separator: ", ")
        stage.say("One more browser was invited into the canary. Was it there at the four stages: \(stages).")
    }
}

/// A browser that keeps one cookie.
private struct Browser {
    var cookie: String?
    var variant: Decision.Variant?
}

/// Has every visitor send one request. Counts who is in the canary, and who got another variant than before.
private func visits(
    of visitors: inout [Browser],
    _ sessions: SessionRouter,
    _ handle: RolloutHandle,
    at now: UnixTime
) -> (inside: Int, moved: Int) {
    var (inside, moved) = (0, 0)
    for index in visitors.indices {
        let request = SessionRequest(host: "sms-app.local", cookies: visitors[index].cookie, now: now)
        let answer = sessions.route(request, through: handle)
        let variant = answer.decision.variant
        if variant.name == "canary" { inside += 1 }
        if let before = visitors[index].variant, before != variant { moved += 1 }
        visitors[index].variant = variant
        if let header = answer.setCookie { visitors[index].cookie = String(header.prefix { $0 != ";" }) }
    }
    return (inside, moved)
}

/// Keys for the tour alone.
func freshKeys() throws(Stop) -> SigningKeys {
    do throws(SigningKeyError) {
        return try SigningKeys(text: SigningKeys.freshLine(id: 1))
    } catch {
        throw .unusable("\(error)")
    }
}
