import Foundation
import Rollout
import Synchronization
import Testing

extension RolloutID {
    fileprivate static let sms: RolloutID = "sms"
}

/// The code of the article "Updating a policy", compiled and run.
@Suite("The article on updates")
struct UpdatingArticleTests {
    struct SmokeTest: PolicyGate {
        func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {
            for (id, rollout) in next.rollouts where running.rollouts[id] != rollout {
                for variant in rollout.strategy.variants { try await answersHello(variant.release) }
            }
        }
    }

    struct Log: UpdateRecorder {
        func record(_ record: UpdateRecord) { write(record.json) }
    }

    struct Model: Sendable {
        let version: String

        init(version: String) async throws { self.version = version }

        func classify(_ text: String) -> String { "spam by \(version)" }

        func close() { closed.withLock { $0.append(version) } }
    }

    @Test("does what the article says")
    func run() async throws {
        let policy = EditedPolicy.canary(10).at(7)
        let router = try RolloutRouter(policy: policy)
        let sms = try #require(router.rollout(.sms))
        router.add(Log())
        try router.update(by: "ana", because: "healthy for an hour") { policy in
            try policy.setShare(of: .sms, to: .percent(25))
        }

        let read = router.snapshot().policy
        var next = read
        next.revision += 1
        try next.setShare(of: .sms, to: .percent(50))
        try router.update(to: next, from: read.revision)
        #expect(throws: UpdateError.conflict(current: 9)) { try router.update(to: next, from: read.revision) }

        let planned = try router.snapshot().policy.edited { try $0.setShare(of: .sms, to: .all) }
        let movement = try router.snapshot().policy.movement(to: planned)
        for (id, change) in movement.rollouts {
            guard case .kept(let moves) = change else { continue }
            print("\(id): \(moves.moved) of 1,000,000 buckets move, \(moves.minimum) is the least")
            print(moves.matrix["stable"]?["canary"] ?? 0, "go from stable to canary")
        }
        #expect(printed.withLock { $0 } == ["sms: 500000 of 1,000,000 buckets move, 500000 is the least"])

        let models = try await ReleaseResources(for: policy, in: [.sms]) { rollout, release in
            try await Model(version: release[.model] ?? "default")
        } free: { model in
            model.close()
        }
        try await router.update(by: "ana", through: [SmokeTest(), models], within: .seconds(60)) { policy in
            try policy.promote(.sms)
        }
        #expect(greeted.withLock { $0 } == ["v2"])
        #expect(router.history.last?.gates == ["SmokeTest", "ReleaseResources<Model>"])
        let decision = sms.decision(for: "alice")
        let answer = models.withValue(for: decision.variant) { model, variant in model.classify("free ringtones") }
        #expect(answer == "spam by v2")

        try await router.update(because: "green", through: [models]) { policy in
            try policy.setRelease(of: .stable, in: .sms, to: [.app: "v3", .model: "v3"])
        }
        try await router.rollback(because: "blue again", through: [models])
        #expect(sms.decision(for: "alice").variant.release[.app] == "v2")
        #expect(closed.withLock { $0 } == ["v1", "v2", "v3"])

        try router.rollback(to: 7, by: "ana", because: "v2 loses orders")
        #expect(router.snapshot().policy.sms.strategy == policy.sms.strategy)
        #expect(written.withLock { $0.count } == router.history.count)
    }

    @Test("is in the article, line by line")
    func article() throws {
        let here = URL(fileURLWithPath: #filePath)
        let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let article = root.appending(path: "Sources/Rollout/Rollout.docc/updating-a-policy.md")
        let blocks = try String(contentsOf: article, encoding: .utf8).components(separatedBy: "```swift\n").dropFirst()
        #expect(blocks.count >= 8)
        func lines(_ text: some StringProtocol) -> [String] {
            text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        }
        let code = try lines(String(contentsOf: here, encoding: .utf8))
        for block in blocks {
            let wanted = lines(block.components(separatedBy: "\n```")[0])
            let isThere = code.indices.contains { code[$0...].prefix(wanted.count).elementsEqual(wanted) }
            // A type stands apart from what uses it.
            let isSplit = wanted[0].hasPrefix("struct") && wanted.allSatisfy(code.contains)
            #expect(isThere || isSplit, "\(wanted.joined(separator: "\n"))")
        }
    }
}

// MARK: What the article takes for granted

private let closed = Mutex<[String]>([])
private let greeted = Mutex<[String]>([])
private let printed = Mutex<[String]>([])
private let written = Mutex<[String]>([])

private func answersHello(_ release: Release) async throws { greeted.withLock { $0.append(release[.app] ?? "") } }

private func write(_ line: String) { written.withLock { $0.append(line) } }

private func print(_ line: String) { printed.withLock { $0.append(line) } }

private func print(_ count: Int, _ text: String) { #expect(count == 500_000 && !text.isEmpty) }
