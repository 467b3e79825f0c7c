import Rollout
import RolloutDemo
import Testing

@Suite("explain: cookies")
struct ExplainCookieTests {
    @Test("Its account comes to what a session router decides, for random rollouts and tokens", arguments: 0..<100)
    func agreement(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var definition = RandomRollout.definition(using: &random)
        let secret = (0..<32).map { UInt8($0) }
        let sessions = SessionRouter(keys: try SigningKeys([try SigningKey(id: 7, secret: secret)]))
        definition.epoch = 3
        definition.sticky = StickyCookie(name: "c", maxAge: 3600, pin: Bool.random(using: &random) ? .variant : .bucket)
        definition.missingUnit = Bool.random(using: &random) ? .assign : .first
        let handle = try Self.handle(definition)
        for _ in 0..<40 {
            // A token of this policy, of one an epoch before or after it, or of one with other shares.
            var earlier = definition
            earlier.missingUnit = .assign
            earlier.epoch = UInt32.random(in: 2...4, using: &random)
            let unit = RandomRollout.unit(using: &random)
            let host = RandomRollout.host(using: &random)
            let first = SessionRequest(unit: Bool.random(using: &random) ? unit : nil, host: host, now: 1_800_000_000)
            let issued = sessions.route(first, through: try Self.handle(earlier)).setCookie
            let now = UnixTime(seconds: 1_800_000_000 + .random(in: 0...4_000, using: &random))
            let cookies = issued.map { String($0.prefix { $0 != ";" }) }
            let request = SessionRequest(unit: unit, host: host, cookies: cookies, now: now)
            let answer = sessions.route(request, through: handle)
            let decision = answer.decision
            let outcome = Explanation(of: "r", definition, unit: unit, host: host, .read(answer)).outcome
            #expect(
                outcome.variant == decision.variant.name && outcome.reason == decision.reason
                    && outcome.bucket == decision.bucket && outcome.isCopied == (decision.shadow != nil),
                "\(outcome) is not \(decision); token \(answer.token), unit \(unit ?? "none"), host \(host ?? "none")"
            )
        }
    }

    private static func handle(_ definition: RolloutDefinition) throws -> RolloutHandle {
        let router = try RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: ["r": definition]))
        return try #require(router.rollout("r"))
    }

    @Test("A token that decides is told with an arrow at its rule, and the others in order")
    func valid() throws {
        let sticky = try StickyPolicy(percent: 100)
        let cookie = try cookie(of: sticky.route("{}", "--keys", sticky.keys))
        let result = try sticky.explain("--keys", sticky.keys, "--cookies", "a=b; \(cookie)")
        #expect(result.status == 0)
        #expect(result.error == "")
        let bucket = try #require(result.lines.last?.split(separator: "bucket ").last?.split(separator: ",").first)
        #expect(
            result.text == """
                sms: canary, epoch 3, policy revision 7
                request: unit none, host none

                   1. host rule      the request names no host
                   2. forced unit    the request brings no unit
                -> 3. assignment     the token is valid
                                     so: canary (app v2), sticky
                   4. draw           not asked
                   5. missing unit   not asked

                decision: canary (app v2) by sticky, bucket \(bucket), revision 7

                """
        )
    }

    @Test("What became of the cookies is said, and a cookie that is due is shown")
    func verdicts() throws {
        let sticky = try StickyPolicy(percent: 100)
        let good = try cookie(of: sticky.route("{}", "--keys", sticky.keys))
        let keys = ["--keys", sticky.keys]
        let rows: [(options: [String], rule: String, isDue: Bool)] = [
            (["--cookies", good], "the cookies are not read: no --keys is given", false),
            (keys, #"the request brings no cookie called "sms-app-version""#, true),
            (keys + ["--cookies", "sms-app-version=x"], "the token is not honoured: malformed", true),
            (keys + ["--cookies", good, "--host", "other"], "the token is not honoured: bad tag", true),
            (
                keys + ["--cookies", good, "--unit", "dave"],
                "it was issued without a unit, and is bound to the unit now", true
            ),
            (keys + ["--cookies", good], "the token is valid", false),
        ]
        for row in rows {
            let result = try Demo.run(
                ["explain", "--policy", sticky.policy, "--rollout", "sms", "--now", "\(StickyPolicy.now)"]
                    + row.options,
                input: []
            )
            #expect(result.status == 0)
            #expect(result.text.contains(row.rule), "\(result.text)")
            #expect(result.text.contains("\nset-cookie: sms-app-version=") == row.isDue, "\(result.text)")
        }
        let late = try sticky.explain("--keys", sticky.keys, "--cookies", good, now: StickyPolicy.now + 3600)
        #expect(late.text.contains("the token is not honoured: expired"))
        #expect(late.text.contains("of 1,000,000, which the cookie keeps"))
    }
}
