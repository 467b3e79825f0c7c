import Testing

@testable import Rollout

/// The truth table of `making-assignments-sticky`, row by row, and every combination against a plain reading of it.
@Suite("Who decides")
struct PrecedenceTests {
    // MARK: The table in the documentation

    struct Row: Sendable, CustomTestStringConvertible {
        var policy = PolicyState.open
        var host = HostRule.none
        var unit = Visitor.drawnStable
        var token = Token.none
        let variant: VariantName
        let reason: Decision.Reason
        /// What a token that is written says, or nil for none.
        var writes: String?

        var testDescription: String { "\(policy), host \(host), \(unit), token \(token)" }
    }

    static let rows = [
        Row(variant: "stable", reason: .split, writes: "stable"),
        Row(unit: .drawnCanary, variant: "canary", reason: .split, writes: "canary"),
        Row(unit: .drawnCanary, token: .canary, variant: "canary", reason: .sticky),
        Row(token: .canary, variant: "canary", reason: .sticky),
        Row(unit: .drawnCanary, token: .stable, variant: "stable", reason: .sticky),
        Row(unit: .drawnCanary, token: .notEnrolled, variant: "canary", reason: .split, writes: "canary"),
        Row(token: .forged, variant: "stable", reason: .split, writes: "stable"),
        Row(token: .expired, variant: "stable", reason: .split, writes: "stable"),
        Row(token: .olderEpoch, variant: "stable", reason: .split, writes: "stable"),
        Row(unit: .drawnCanary, token: .newerEpoch, variant: "stable", reason: .stale),
        Row(token: .laterRevision, variant: "canary", reason: .sticky),
        Row(token: .invitation, variant: "canary", reason: .sticky),
        Row(host: .stable, token: .invitation, variant: "stable", reason: .host),
        Row(unit: .forcedStable, token: .invitation, variant: "stable", reason: .forced),
        Row(policy: .missingFirst, unit: .nobody, token: .invitation, variant: "canary", reason: .sticky),
        Row(policy: .evicted, token: .invitation, variant: "canary", reason: .sticky),
        Row(policy: .evicted, unit: .nobody, token: .invitation, variant: "canary", reason: .sticky),
        Row(policy: .pinsBucket, token: .invitation, variant: "canary", reason: .sticky),
        Row(policy: .draining, token: .invitation, variant: "canary", reason: .sticky),
        Row(policy: .disabled, token: .invitation, variant: "stable", reason: .split, writes: "stable"),
        Row(policy: .disabled, unit: .nobody, token: .invitation, variant: "stable", reason: .split, writes: "stable"),
        Row(host: .canary, variant: "canary", reason: .host),
        Row(host: .canary, unit: .forcedStable, token: .stable, variant: "canary", reason: .host),
        Row(host: .stable, unit: .drawnCanary, token: .canary, variant: "stable", reason: .host),
        Row(host: .stable, token: .newerEpoch, variant: "stable", reason: .host),
        Row(unit: .forcedCanary, token: .stable, variant: "canary", reason: .forced),
        Row(unit: .forcedStable, token: .canary, variant: "stable", reason: .forced),
        Row(unit: .forcedCanary, token: .newerEpoch, variant: "canary", reason: .forced),
        Row(unit: .nobody, variant: "stable", reason: .split, writes: "stable"),
        Row(unit: .nobody, token: .canary, variant: "canary", reason: .sticky),
        Row(unit: .nobody, token: .expired, variant: "canary", reason: .split, writes: "canary"),
        Row(unit: .nobody, token: .forged, variant: "stable", reason: .split, writes: "stable"),
        Row(policy: .missingFirst, unit: .nobody, variant: "stable", reason: .missingUnit),
        Row(policy: .missingFirst, unit: .nobody, token: .canary, variant: "canary", reason: .sticky),
        Row(policy: .missingFirst, unit: .nobody, token: .expired, variant: "stable", reason: .missingUnit),
        Row(policy: .disabled, unit: .drawnCanary, variant: "stable", reason: .notEnrolled, writes: "nothing"),
        Row(
            policy: .disabled,
            unit: .drawnCanary,
            token: .canary,
            variant: "stable",
            reason: .notEnrolled,
            writes: "nothing"
        ),
        Row(policy: .disabled, host: .canary, token: .canary, variant: "stable", reason: .notEnrolled),
        Row(policy: .disabled, unit: .forcedCanary, token: .canary, variant: "stable", reason: .notEnrolled),
        Row(
            policy: .disabled,
            unit: .nobody,
            token: .canary,
            variant: "stable",
            reason: .notEnrolled,
            writes: "nothing"
        ),
        Row(policy: .draining, unit: .drawnCanary, variant: "stable", reason: .notEnrolled, writes: "nothing"),
        Row(policy: .draining, unit: .drawnCanary, token: .canary, variant: "canary", reason: .sticky),
        Row(policy: .draining, host: .canary, variant: "canary", reason: .host),
        Row(policy: .draining, unit: .forcedCanary, variant: "canary", reason: .forced),
        Row(policy: .evicted, unit: .drawnCanary, token: .canary, variant: "stable", reason: .split, writes: "stable"),
        Row(policy: .evicted, unit: .forcedCanary, token: .canary, variant: "canary", reason: .forced),
        Row(policy: .pinsBucket, unit: .drawnCanary, token: .stable, variant: "canary", reason: .split),
        Row(policy: .pinsBucket, variant: "stable", reason: .split),
        Row(policy: .pinsBucket, unit: .nobody, token: .stable, variant: "canary", reason: .sticky),
        Row(policy: .pinsBucket, unit: .nobody, variant: "stable", reason: .split, writes: "stable"),
        Row(policy: .pinsBucket, unit: .nobody, token: .newerEpoch, variant: "stable", reason: .stale),
    ]

    @Test("is as the table says", arguments: rows)
    func table(_ row: Row) throws {
        let setting = try PrecedenceSetting(row.policy)
        let answer = try setting.answer(row.host, row.unit, row.token)
        #expect(answer.decision.variant.name == row.variant)
        #expect(answer.decision.reason == row.reason)
        #expect(try setting.written(answer) == row.writes)
    }

    @Test("is as the rules say in every combination", arguments: PolicyState.allCases)
    func everyCombination(_ policy: PolicyState) throws {
        let setting = try PrecedenceSetting(policy)
        for host in HostRule.allCases {
            for unit in Visitor.allCases {
                for token in Token.allCases {
                    let answer = try setting.answer(host, unit, token)
                    let expected = Reading(policy: policy, host: host, unit: unit, token: token)
                    let found = "\(answer.decision.variant.name) \(answer.decision.reason)"
                    #expect(found == expected.decision, "\(host) \(unit) \(token)")
                    #expect((answer.setCookie != nil) == expected.writes, "\(host) \(unit) \(token)")
                }
            }
        }
    }

    @Test("removing a force gives the draw's answer back")
    func unforced() throws {
        let (router, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let request = SessionRequest(unit: "qa-canary", now: Fixture.now)
        #expect(sessions.route(request, through: handle).decision.reason == .forced)
        try router.update(to: Fixture.policy(revision: 8) { $0.forced = [:] })
        #expect(sessions.route(request, through: handle).decision == handle.decision(for: "qa-canary"))
    }
}

// MARK: What there is to combine

enum PolicyState: CaseIterable, Sendable {
    case open, missingFirst, disabled, draining, evicted, pinsBucket
}

enum HostRule: CaseIterable, Sendable { case none, stable, canary }

enum Visitor: CaseIterable, Sendable { case nobody, drawnStable, drawnCanary, forcedStable, forcedCanary }

enum Token: CaseIterable, Sendable {
    case none, canary, stable, notEnrolled, forged, expired, olderEpoch, newerEpoch, laterRevision, invitation
}

/// A policy with everything that a row of the table names. Tokens hold bucket 42, which is the canary's at 10 %; a fresh
/// bucket is 500,000, which is not.
struct PrecedenceSetting {
    private let handle: RolloutHandle
    private let sessions: SessionRouter
    private let drawnStable: String
    private let drawnCanary: String

    init(_ state: PolicyState) throws {
        let (_, open) = try Fixture.router(Fixture.policy())
        drawnStable = try Fixture.unit(drawnTo: "stable", by: open)
        drawnCanary = try Fixture.unit(drawnTo: "canary", by: open)
        let pin: StickyCookie.Pin = state == .pinsBucket ? .bucket : .variant
        let missing: RolloutDefinition.MissingUnit = state == .missingFirst ? .first : .assign
        let policy = try Fixture.policy(percent: state == .evicted ? 0 : 10, pin: pin, missingUnit: missing) {
            if state == .disabled { $0.disabled = ["canary"] }
            if state == .draining { $0.draining = ["canary"] }
        }
        (_, handle) = try Fixture.router(policy)
        sessions = SessionRouter(keys: try Fixture.keys(7)) { 500_000 }
    }

    func answer(_ host: HostRule, _ visitor: Visitor, _ token: Token) throws -> SessionDecision {
        let host = host == .none ? Fixture.host : "\(host).sms-app.local"
        let unit: String? =
            switch visitor {
            case .nobody: nil
            case .drawnStable: drawnStable
            case .drawnCanary: drawnCanary
            case .forcedStable: "qa-stable"
            case .forcedCanary: "qa-canary"
            }
        let cookies = try cookies(token, unit: unit, host: host)
        return sessions.route(
            SessionRequest(unit: unit, host: host, cookies: cookies, now: Fixture.now),
            through: handle
        )
    }

    private func cookies(_ token: Token, unit: String?, host: String) throws -> String? {
        switch token {
        case .none: nil
        case .canary: try sessions.cookie("canary", unit: unit, host: host)
        case .stable: try sessions.cookie("stable", unit: unit, host: host)
        case .notEnrolled: try sessions.cookie(nil, unit: unit, host: host)
        case .forged: try sessions.cookie("canary", unit: unit, host: "elsewhere.example")
        case .expired: try sessions.cookie("canary", issued: Fixture.now - 3600, unit: unit, host: host)
        case .olderEpoch: try sessions.cookie("canary", epoch: 2, unit: unit, host: host)
        case .newerEpoch: try sessions.cookie("canary", epoch: 4, revision: 9, unit: unit, host: host)
        case .laterRevision: try sessions.cookie("canary", revision: 8, unit: unit, host: host)
        case .invitation: try sessions.cookie("canary", bucket: .max, unit: unit, host: host)
        }
    }

    func written(_ answer: SessionDecision) throws -> String? {
        guard let header = answer.setCookie else { return nil }
        let tag = try token(in: header).variant
        if tag == .notEnrolled { return "nothing" }
        return tag == VariantTag("canary", in: "sms") ? "canary" : "stable"
    }
}

/// The rules, read as a person would, without regard to how the library does it.
private struct Reading {
    let decision: String
    let writes: Bool

    init(policy: PolicyState, host: HostRule, unit: Visitor, token: Token) {
        let isDisabled = policy == .disabled
        func ruled(_ variant: String, _ reason: String) -> String {
            variant == "canary" && isDisabled ? "stable not_enrolled" : "\(variant) \(reason)"
        }
        // 1. The host.
        if host != .none {
            self.init(ruled("\(host)", "host"), false)
            return
        }
        // 2. A forced unit.
        if unit == .forcedStable || unit == .forcedCanary {
            self.init(ruled(unit == .forcedCanary ? "canary" : "stable", "forced"), false)
            return
        }
        // 3. A valid token.
        if token == .newerEpoch {
            self.init("stable stale", false)
            return
        }
        if token == .invitation, !isDisabled {
            self.init("canary sticky", false)
            return
        }
        let namesCanary = token == .canary || token == .laterRevision
        let keepsCanary = !isDisabled && policy != .evicted
        let isValid = token == .stable || token == .notEnrolled || namesCanary && (keepsCanary || policy == .pinsBucket)
        if policy != .pinsBucket, isValid, token != .notEnrolled {
            self.init(namesCanary ? "canary sticky" : "stable sticky", false)
            return
        }
        // 4. A draw: of the unit, of the token's bucket, of a fresh one; or nothing to draw.
        let hasBucket = token != .none && token != .forged && token != .invitation
        let isAssigned = policy != .missingFirst
        if unit == .nobody, !isAssigned {
            self.init("stable missing_unit", false)
            return
        }
        let isCanarys = unit == .drawnCanary || unit == .nobody && hasBucket
        let served = isCanarys && keepsCanary && policy != .draining
        var reason = isCanarys && (isDisabled || policy == .draining) ? "not_enrolled" : "split"
        if policy == .pinsBucket, unit == .nobody, isValid { reason = "sticky" }
        let says =
            policy == .pinsBucket ? isValid : token == .notEnrolled && reason == "not_enrolled" && unit == .nobody
        let isWritten = !says && token != .laterRevision && !(policy == .pinsBucket && unit != .nobody)
        self.init("\(served ? "canary" : "stable") \(reason)", isWritten)
    }

    private init(_ decision: String, _ writes: Bool) {
        self.decision = decision
        self.writes = writes
    }
}
