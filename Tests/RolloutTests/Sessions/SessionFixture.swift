import Testing

@testable import Rollout

/// The policy, keys and clock that session tests share.
enum Fixture {
    /// In the middle of a minute, so that flooring shows.
    static let now: UnixTime = 1_800_000_030
    static let cookieName = "sms-app-version"
    static let maxAge = 3600
    static let host = "sms-app.local"

    static func keys(_ ids: UInt8...) throws -> SigningKeys { try keys(ids) }

    static func keys(_ ids: [UInt8]) throws -> SigningKeys {
        try SigningKeys(ids.map { id throws in try SigningKey(id: id, secret: secret(id)) })
    }

    static func secret(_ id: UInt8) -> [UInt8] { (0..<32).map { UInt8(truncatingIfNeeded: $0 * 7) &+ id } }

    /// A rollout called `sms`: a canary at 10 % unless told otherwise.
    static func policy(
        revision: UInt32 = 7,
        percent: Double = 10,
        epoch: UInt32 = 3,
        pin: StickyCookie.Pin = .variant,
        missingUnit: RolloutDefinition.MissingUnit = .assign,
        maxAge: Int = maxAge,
        _ edit: (inout RolloutDefinition) -> Void = { _ in }
    ) throws -> RolloutPolicy {
        let share = try #require(Share(percent: percent))
        var definition = RolloutDefinition(
            .canary(share, stable: ["app": "v1", "model": "v1"], canary: ["app": "v2", "model": "v2"]),
            epoch: epoch,
            sticky: StickyCookie(name: cookieName, maxAge: maxAge, pin: pin),
            hosts: ["stable.sms-app.local": "stable", "canary.sms-app.local": "canary"],
            forced: ["qa-stable": "stable", "qa-canary": "canary"],
            missingUnit: missingUnit
        )
        edit(&definition)
        return RolloutPolicy(revision: revision, rollouts: ["sms": definition])
    }

    /// A router and its handle.
    static func router(_ policy: RolloutPolicy) throws -> (RolloutRouter, RolloutHandle) {
        let router = try RolloutRouter(policy: policy)
        return (router, try #require(router.rollout("sms")))
    }

    /// A session router whose buckets are a seeded sequence.
    static func sessions(_ keys: SigningKeys? = nil, seed: UInt64 = 1) throws -> SessionRouter {
        let generator = Lock(SplitMix64(seed: seed))
        return SessionRouter(keys: try keys ?? Fixture.keys(7)) {
            generator.withLock { Int.random(in: 0..<Share.bucketCount, using: &$0) }
        }
    }

    /// A unit that this handle draws to the variant.
    static func unit(drawnTo variant: VariantName, by handle: RolloutHandle) throws -> String {
        let units = (0..<1_000).lazy.map { "unit-\($0)" }
        return try #require(units.first { handle.decision(for: $0).variant.name == variant })
    }
}

extension SessionRouter {
    /// A `Cookie` header with a token of our own making.
    func cookie(
        _ variant: VariantName?,
        bucket: UInt32 = 42,
        epoch: UInt32 = 3,
        revision: UInt32 = 7,
        issued: UnixTime = Fixture.now - 30,
        life: Int64 = Int64(Fixture.maxAge),
        key: UInt8 = 7,
        unit: String? = nil,
        host: String? = Fixture.host,
        domain: String? = nil,
        rollout: RolloutID = "sms"
    ) throws -> String {
        let token = StickyToken(
            key: key,
            variant: variant.map { VariantTag($0, in: rollout) } ?? .notEnrolled,
            bucket: bucket,
            epoch: epoch,
            revision: revision,
            issued: try #require(UInt32(exactly: issued.seconds)),
            expires: try #require(UInt32(exactly: issued.seconds + life))
        )
        return try cookie(token, unit: unit, host: host, domain: domain, rollout: rollout)
    }

    /// A `Cookie` header with this token, signed with the key it names.
    func cookie(
        _ token: StickyToken,
        unit: String?,
        host: String?,
        domain: String? = nil,
        rollout: RolloutID = "sms"
    ) throws -> String {
        var signed = token.bytes
        let rules = CookieRecord.Rules(
            rollout: rollout,
            cookie: StickyCookie(name: Fixture.cookieName, maxAge: 60, domain: domain),
            assignsMissing: false
        )
        let reference = try #require(CookieRegistry.shared.intern([rules]) {}.cookies.first)
        let record = unsafe try #require(reference.record)
        let (unit, host, keys) = (unit ?? "", host ?? "", state.keys.current)
        let tag = SessionBytes.with(unit: unit, host: host, cookies: "", now: Fixture.now, keys: keys) { bytes in
            unsafe state.tag(of: signed, key: token.key, unit: bytes.unit, bytes, record)
        }
        signed.tag = try #require(tag ?? nil)
        return "\(Fixture.cookieName)=\(signed.text)"
    }
}

/// A browser that keeps one cookie as RFC 6265 has it, and shows what it is told.
struct Browser {
    var unit: String?
    var host: String? = Fixture.host
    /// What it sends.
    private(set) var cookie: String?
    private(set) var expires: UnixTime = 0
    /// How many `Set-Cookie` headers it got.
    private(set) var received = 0

    init(unit: String? = nil) { self.unit = unit }

    /// Visits a service.
    @discardableResult
    mutating func visit(_ sessions: SessionRouter, _ handle: RolloutHandle, at now: UnixTime) -> SessionDecision {
        visit(sessions, handle, at: now, serverTime: now)
    }

    /// Visits a service whose clock differs.
    @discardableResult
    mutating func visit(
        _ sessions: SessionRouter,
        _ handle: RolloutHandle,
        at now: UnixTime,
        serverTime: UnixTime
    ) -> SessionDecision {
        if now >= expires { cookie = nil }
        let request = SessionRequest(unit: unit, host: host, cookies: cookie, now: serverTime)
        let answer = sessions.route(request, through: handle)
        if let header = answer.setCookie {
            received += 1
            cookie = String(header.prefix { $0 != ";" })
            let maxAge = header.split(separator: "Max-Age=").last.flatMap { Int64($0) } ?? 0
            expires = now + maxAge
        }
        return answer
    }
}

/// The token in a `Set-Cookie` or `Cookie` header's first pair.
func token(in header: String?) throws -> StickyToken {
    let pair = try #require(header).prefix { $0 != ";" }
    let text = Array(pair.utf8.dropFirst(Fixture.cookieName.utf8.count + 1))
    let bytes = unsafe text.withUnsafeBytes { text in unsafe TokenBytes(text: text) }
    let token = bytes.flatMap { StickyToken($0) }
    return try #require(token)
}
