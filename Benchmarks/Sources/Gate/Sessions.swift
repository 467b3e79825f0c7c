import Fixtures
import Rollout

/// Requests with and without cookies, and decisions between services.
let sessions: [Probe] = {
    let (sticky, plain) = (RolloutHandle(.sticky(pin: .variant)), RolloutHandle(.canary()))
    let bucketPinned = RolloutHandle(.sticky(pin: .bucket))
    let router = SessionRouter.measured
    router.rotate()
    let pair = router.cookiePair(unit: Units.bytes36, through: sticky)
    let decision = sticky.decision(for: Units.bytes36)
    let header = router.header(for: decision, unit: Units.bytes36, now: SessionRequest.now)
    return [
        route("valid.78", "s=ab; \(pair)", sticky),
        route("valid.357", .otherCookies + pair, sticky),
        route("none.plain", nil, plain),
        route("none", nil, bucketPinned),
        route("other", "theme=dark; s=ab", bucketPinned),
        route("written", nil, sticky),
        // A header of the largest size that servers let pass, and half of it: of short pairs, and of names that begin as ours.
        route("header.32K", .cookies("a=1; ", bytes: 32 << 10), bucketPinned),
        route("header.64K", .cookies("a=1; ", bytes: 64 << 10), bucketPinned),
        route("header.names.32K", .cookies("sms-app-versio=1; ", bytes: 32 << 10), bucketPinned),
        route("header.names.64K", .cookies("sms-app-versio=1; ", bytes: 64 << 10), bucketPinned),
        Probe("session.header.write") { count in
            for _ in 0..<count { consume(router.header(for: decision, unit: Units.bytes36, now: SessionRequest.now)) }
        },
        Probe("session.header.adopt") { count in
            for _ in 0..<count {
                consume(router.adopt(header, for: Units.bytes36, through: sticky, now: SessionRequest.now))
            }
        },
    ]
}()

private func route(_ name: String, _ cookies: String?, _ handle: RolloutHandle) -> Probe {
    let router = SessionRouter.measured
    let request = SessionRequest.measured(cookies: cookies)
    return Probe("session.route.\(name)") { count in
        for _ in 0..<count { consume(router.route(request, through: handle)) }
    }
}
