import Benchmark
import Fixtures
import Rollout

/// What a session router costs, by the cookies that a request brings, and what a decision costs on its way to another service.
func registerSessions() {
    let (sticky, plain) = (RolloutHandle(.sticky(pin: .variant)), RolloutHandle(.canary()))
    let bucketPinned = RolloutHandle(.sticky(pin: .bucket))
    let router = SessionRouter.measured
    let unit = Units.bytes36
    let pair = router.cookiePair(unit: unit, through: sticky)

    measureRoute("a valid cookie in 78 bytes", .measured(cookies: "s=ab; \(pair)"), sticky)
    measureRoute("a valid cookie in 357 bytes", .measured(cookies: .otherCookies + pair), sticky)
    measureRoute("no cookie and no rule", .measured(), plain)
    measureRoute("no cookie, none due", .measured(), bucketPinned)
    measureRoute("no cookie, one due", .measured(), sticky)
    measure("route(_:through:), setCookie") { blackHole(router.route(.measured(), through: sticky).setCookie) }

    let decision = sticky.decision(for: unit)
    let header = router.header(for: decision, unit: unit, now: SessionRequest.now)
    measure("header(for:unit:now:)") { blackHole(router.header(for: decision, unit: unit, now: SessionRequest.now)) }
    measure("adopt(_:for:through:now:)") {
        blackHole(router.adopt(header, for: unit, through: sticky, now: SessionRequest.now))
    }
}

private func measureRoute(_ name: String, _ request: SessionRequest, _ handle: RolloutHandle) {
    let router = SessionRouter.measured
    measure("route(_:through:) \(name)") { blackHole(router.route(request, through: handle)) }
}
