import Foundation
import Testing

@testable import Rollout

@Suite("Outcomes")
struct OutcomesTests {
    struct Unreachable: Error {}

    private let router: RolloutRouter
    private let sms: RolloutHandle
    private var outcomes: Outcomes { router.outcomes }

    init() throws {
        router = try RolloutRouter(policy: EditedPolicy.canary(50))
        sms = router.rollout("sms", default: EditedPolicy.v1)
    }

    private func decision(of variant: VariantName) -> Decision {
        let decisions = (0..<100).lazy.map { sms.decision(for: "user-\($0)") }
        return decisions.first { $0.variant.name == variant } ?? sms.decision(for: nil)
    }

    private func row(_ variant: VariantName, in counts: OutcomeCounts? = nil) throws -> OutcomeRow {
        try #require((counts ?? outcomes.counts).rows.first { $0.variant == variant })
    }

    @Test("each way to end counts once, for the variant and the release that served")
    func ways() throws {
        let (stable, canary) = (decision(of: .stable), decision(of: .canary))
        #expect(outcomes.measure(stable) { 7 } == 7)
        #expect(outcomes.measure(canary, as: { $0 < 500 ? .success : .failure }) { 503 } == 503)
        #expect(throws: Unreachable.self) { try outcomes.measure(canary) { throw Unreachable() } }
        #expect(throws: CancellationError.self) { try outcomes.measure(canary) { throw CancellationError() } }
        outcomes.record(canary, .success, latency: .milliseconds(5))

        let served = try row(.canary)
        #expect(served.rollout == "sms" && served.release == EditedPolicy.v2)
        #expect(RequestOutcome.allCases.map { served.drawn[$0].count } == [1, 2, 1])
        #expect((served.requests, served.failures, served.inFlight) == (4, 2, 0))
        #expect(served.undrawn.requests == 0)
        #expect(served.drawn.success.count(above: .milliseconds(5)) == 0)
        #expect(served.all.latency.count == 4)
        #expect(try row(.stable).drawn.success.count == 1)
        #expect(outcomes.counts.rows.count == 2)
    }

    @Test("asynchronous operations run on the caller's actor, and throw what they throw")
    @MainActor func asynchronous() async throws {
        let decision = decision(of: .canary)
        var visits = 0
        let answer = await outcomes.measure(decision) {
            MainActor.assertIsolated()
            await Task.yield()
            visits += 1
            return "spam"
        }
        #expect(answer == "spam" && visits == 1)
        func fails() async throws(Unreachable) { throw Unreachable() }
        do {
            try await outcomes.measure(decision) { () async throws(Unreachable) in try await fails() }
            Issue.record("the operation throws")
        } catch {
            let _: Unreachable = error
        }
        #expect(try row(.canary).drawn.failure.count == 1)
    }

    @Test("a request is in flight from its beginning to its end")
    func inFlight() throws {
        let decision = decision(of: .canary)
        outcomes.measure(decision) {
            outcomes.measure(decision) { #expect(try! row(.canary).inFlight == 2) }
            #expect(try! row(.canary).inFlight == 1)
        }
        #expect(try row(.canary).inFlight == 0)
    }

    @Test("only what chance chose counts as drawn")
    func drawn() throws {
        try router.update { policy in
            policy.sms.forced = ["qa": .canary]
            policy.sms.hosts = ["canary.example": .canary]
        }
        let drawn = decision(of: .canary)
        let assignment = try #require(Assignment(remembering: drawn))
        outcomes.record(drawn, .success, latency: .zero)
        outcomes.record(sms.decision(for: "user", host: nil, holding: assignment), .success, latency: .zero)
        outcomes.record(sms.decision(for: "qa"), .success, latency: .zero)
        outcomes.record(sms.decision(for: "user", host: "canary.example"), .success, latency: .zero)
        outcomes.record(sms.decision(for: nil), .success, latency: .zero)
        // An invitation is kept as an assignment is, and no draw.
        let invitation = Assignment(
            tag: VariantTag(.canary, in: "sms"),
            bucketField: Assignment.invitationBucket,
            epoch: drawn.epoch,
            revision: drawn.revision
        )
        let invited = sms.decision(for: "user", host: nil, holding: invitation)
        #expect(invited.reason == .sticky && invited.bucket == nil)
        outcomes.record(invited, .success, latency: .zero)
        #expect(try row(.canary).drawn.requests == 2)
        #expect(try row(.canary).undrawn.requests == 3)
        #expect(try row(.stable).undrawn.requests == 1)
    }

    @Test("an adopted decision counts as one of one's own; a tainted one is never drawn")
    func adopted() throws {
        let decision = decision(of: .canary)
        let adopted = AdoptedDecision(decision: decision, taint: nil)
        let tainted = AdoptedDecision(decision: decision, taint: .missing)
        outcomes.measure(adopted) {}
        outcomes.record(adopted, .failure, latency: .zero)
        outcomes.measure(tainted) {}
        outcomes.record(tainted, .failure, latency: .zero)
        #expect(try row(.canary).drawn.requests == 2)
        #expect(try row(.canary).undrawn.requests == 2)
    }

    @Test("a clock that goes back counts as no time, one that jumps ahead in the last range")
    func clock() throws {
        let request = MeasuredRequest(decision(of: .canary))
        for elapsed in [-5_000_000_000, Int64.min, Int64.max] {
            outcomes.begin(request)
            outcomes.end(request, .success, after: elapsed)
        }
        outcomes.record(decision(of: .canary), .success, latency: .seconds(-1))
        outcomes.record(decision(of: .canary), .success, latency: .seconds(10 * 365 * 86_400))
        let latencies = try row(.canary).drawn.success
        #expect(latencies.count == 5)
        #expect(latencies.count(above: .microseconds(1)) == 2)
        #expect(latencies.count(above: .seconds(1_000)) == 2)
    }

    @Test("a window holds what came between two readings")
    func window() throws {
        outcomes.record(decision(of: .stable), .failure, latency: .milliseconds(3))
        let earlier = outcomes.counts
        outcomes.record(decision(of: .stable), .failure, latency: .milliseconds(3))
        outcomes.record(decision(of: .canary), .success, latency: .milliseconds(30))
        let window = try #require(outcomes.counts.since(earlier))
        #expect(window.rows.map(\.requests) == [1, 1])
        #expect(window.rows.map(\.variant) == [.stable, .canary])
        #expect(earlier.since(outcomes.counts) == nil, "the wrong order")
    }

    @Test("readings of different routers have no window, and windows of different processes add up")
    func processes() throws {
        let other = try RolloutRouter(policy: EditedPolicy.canary(50))
        let (before, otherBefore) = (outcomes.counts, other.outcomes.counts)
        for router in [router, router, other] {
            router.outcomes.record(decision(of: .canary), .failure, latency: .milliseconds(3))
        }
        #expect(outcomes.counts.since(otherBefore) == nil)
        let window = try #require(outcomes.counts.since(before))
        let otherWindow = try #require(other.outcomes.counts.since(otherBefore))
        let both = window + otherWindow
        #expect(both.rows.count == 1)
        #expect(both.rows[0].failures == 3)
        #expect(both.rows[0].drawn.failure == window.rows[0].drawn.failure + otherWindow.rows[0].drawn.failure)
    }

    @Test("windows of as many rows as there can be add up row by row")
    func manyRows() throws {
        func row(_ number: Int, _ requests: Int) -> OutcomeRow {
            var row = OutcomeRow(
                subject: OutcomeRow.Subject(rollout: "sms", variant: .stable, release: [.app: "r\(number)"]),
                life: number
            )
            row.drawn.success.add(requests, in: LatencyRange(nanoseconds: 5_000_000))
            return row
        }
        let left = OutcomeWindow(rows: (0..<1_001).map { row($0, 1) })
        let right = OutcomeWindow(rows: (500..<1_501).reversed().map { row($0, 2) })
        let sum = left + right
        #expect(sum.rows.map(\.release?[.app]) == (Array(0..<1_001) + (1_001..<1_501).reversed()).map { "r\($0)" })
        let requests = (0..<1_501).map { ($0 < 1_001 ? 1 : 0) + ($0 < 500 ? 0 : 2) }
        #expect(sum.rows.map(\.requests) == requests[..<1_001] + requests[1_001...].reversed())
        #expect(sum.rows.allSatisfy { $0.life == 0 })
    }

    @Test("readings and windows are read back as they were written")
    func coding() throws {
        let spam = outcomes.counter("messages_total", help: "Messages.", labels: ["result": "spam"])
        let earlier = outcomes.counts
        outcomes.record(decision(of: .canary), .failure, latency: .milliseconds(3))
        spam.add(for: decision(of: .canary))
        let counts = outcomes.counts
        let decoded = try JSONDecoder().decode(OutcomeCounts.self, from: JSONEncoder().encode(counts))
        #expect(decoded == counts)
        let window = try #require(decoded.since(earlier))
        #expect(try JSONDecoder().decode(OutcomeWindow.self, from: JSONEncoder().encode(window)) == window)
        #expect(window.rows[0].counters == [#"messages_total{result="spam"}"#: 1])
    }

    @Test("counts that somebody made up have sums, windows and differences, and never trap")
    func madeUp() throws {
        let edges = (0..<LatencyRange.count).map { LatencyRange(index: $0).upperEdge.map(String.init) ?? "null" }
        let full =
            #"{"upTo": [\#(edges.joined(separator: ","))], "counts": "#
            + "\(Array(repeating: 1 << 50, count: edges.count))}"
        let tally = #"{"success": \#(full), "failure": \#(full), "cancelled": \#(full)}"#
        let row =
            #"{"subject": {"rollout": "sms"}, "life": 0, "drawn": \#(tally), "undrawn": \#(tally), "#
            + #""inFlight": \#(Int.min), "counters": {"x_total": \#(Int.max), "y_total": \#(Int.min)}}"#
        let json = Data(#"{"recorder": 1, "rows": [\#(row), \#(row), \#(row)]}"#.utf8)
        let counts = try JSONDecoder().decode(OutcomeCounts.self, from: json)
        #expect(counts.rows[0].requests == 6 * 992 << 50)
        #expect(counts.rows[0].failures == 2 * 992 << 50)
        #expect(counts.rows[0].all.requests == 3 * 992 << 50)
        #expect(counts.since(counts) == nil, "two rows of one subject")
        let window = try #require(counts.since(OutcomeCounts(recorder: 1, rows: [])))
        let sum = window + window
        #expect(sum.rows.count == 1 && sum.rows[0].requests == 6 * 992 << 50)
        #expect(sum.rows[0].all.latency.quantile(0.5) != nil && sum.rows[0].all.latency.mean != nil)
        let single = OutcomeCounts(recorder: 1, rows: [counts.rows[0]])
        #expect(single.since(single)?.rows[0].requests == 0)
    }

    @Test("a decision of another router counts for its own variant")
    func otherRouter() throws {
        let other = try RolloutRouter(
            policy: RolloutPolicy(revision: 1, rollouts: ["other": .init(.fixed([.app: "x"]))])
        )
        outcomes.record(try #require(other.rollout("other")).decision(for: "a"), .success, latency: .zero)
        #expect(outcomes.counts.rows.map(\.rollout) == ["other"])
    }

    @Test("the default of a handle has a row of its own")
    func absent() throws {
        let handle = router.rollout("later", default: [.app: "v0"])
        outcomes.record(handle.decision(for: "a"), .success, latency: .zero)
        #expect(try row(.default).rollout == "later")
        #expect(try row(.default).undrawn.requests == 1)
    }

    // MARK: Counters

    @Test("a counter counts by variant, and never falls")
    func counter() throws {
        let hits = outcomes.counter("cache_hits_total", help: "Hits.")
        let misses = outcomes.counter("cache_misses_total", help: "Misses.")
        hits.add(for: decision(of: .canary))
        hits.add(41, for: AdoptedDecision(decision: decision(of: .canary), taint: .forged))
        hits.add(-5, for: decision(of: .canary))
        misses.add(for: decision(of: .stable))
        #expect(try row(.canary).counters == ["cache_hits_total": 42, "cache_misses_total": 0])
        #expect(try row(.stable).counters == ["cache_hits_total": 0, "cache_misses_total": 1])
        hits.add(.max, for: decision(of: .canary))
        hits.add(.max, for: decision(of: .canary))
        #expect(try row(.canary).counters["cache_hits_total"] == Int(OutcomeCell.limit))
    }

    static let faults: [(OutcomeCounter.Description, String)] = [
        (counter("hits"), "ends in _total"), (counter("1_total"), "a name matches"),
        (counter("_total€_total"), "a name"),
        (counter("_total"), "after something else"), (counter("__total"), ""), (counter("a:b_total"), ""),
        (counter("é_total"), "a name matches"),
        (counter("b\u{332}_total"), "a name matches"), (counter("x1\u{20E3}_total"), "a name matches"),
        (counter("x_total", ["b\u{332}": "1"]), "a label matches"),
        (counter("x_total", help: ""), "the help says"), (counter("x_total", help: " \n"), "the help says"),
        (counter("rollout_x_total"), "does not begin with rollout_"),
        (counter("x_total", ["version": "1"]), "the label version"), (counter("x_total", ["le": "1"]), "the label le"),
        (counter("x_total", ["outcome": "1"]), "none of rollout, variant, version, outcome, le"),
        (counter("x_total", ["__x": "1"]), "the label __x"), (counter("x_total", ["a:b": "1"]), "the label a:b"),
        (counter("taken_total", ["a": "1"]), "there is one"), (counter("taken_total", ["a": "2"]), ""),
        (counter("taken_total_total", ["a": "1"]), "OpenMetrics keeps NAME, NAME_total and NAME_created"),
        (counter("taken_created_total"), "here those of taken_total or its own"), (counter("taken_count_total"), ""),
        (counter("taken_total", ["b": "2"]), #"have the same labels, here ["a"]"#),
        (counter("taken_total", ["a": "2"], help: "Other."), #"have the same help, here "Help.""#),
    ]

    private static func counter(
        _ name: String,
        _ labels: [String: String] = [:],
        help: String = "Help."
    ) -> OutcomeCounter.Description {
        OutcomeCounter.Description(name: name, help: help, labels: labels)
    }

    @Test("a counter's name and labels are what Prometheus and the page allow", arguments: faults)
    func names(counter: OutcomeCounter.Description, fault: String) {
        let taken = [Self.counter("taken_total", ["a": "1"])]
        #expect(counter.fault(beside: taken).map { $0.contains(fault) && !fault.isEmpty } ?? fault.isEmpty)
    }

    @Test(
        "names that clash in OpenMetrics clash whichever comes first",
        arguments: ["x_total_total", "x_created_total"]
    )
    func clashes(name: String) {
        for (first, second) in [("x_total", name), (name, "x_total")] {
            #expect(Self.counter(second).fault(beside: [Self.counter(first)])?.contains("those of \(first)") == true)
        }
    }

    @Test("an illegal counter traps, and says what is allowed")
    func trap() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = try RolloutRouter(policy: EditedPolicy.canary(50)).outcomes.counter("hits", help: "Hits.")
        }
        #expect(
            result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) }?.contains("ends in _total") == true
        )
    }

    @Test("a router has room for 16 counters")
    func counterLimit() {
        let others = (0..<16).map { Self.counter("c\($0)_total") }
        #expect(Self.counter("x_total").fault(beside: others)?.contains("at most 16") == true)
        #expect(Self.counter("x_total").fault(beside: Array(others.dropLast())) == nil)
    }
}
