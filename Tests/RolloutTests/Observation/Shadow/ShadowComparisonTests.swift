import Synchronization
import Testing

@testable import Rollout

extension ShadowRunnerTests {
    @Suite("Comparison of copies")
    struct Comparing {
        private struct Failure: Error {}

        @Test("Answers agree if they are equal, and none are kept unless a text is made of them")
        func equality() async throws {
            let service = try Shadowed()
            try await service.running {
                for answer in ["ham", "spam", "ham"] {
                    try await service.permit().run(.readOnly, against: "ham") { answer }
                }
                await until { service.copies.running == 0 }
            }
            #expect(service.copies.comparisons == ShadowCounts.Comparisons(agreed: 2, differed: 1))
            #expect(service.copies.comparisons.compared == 3)
            #expect(service.copies.comparisons.agreement == 2.0 / 3)
            #expect(service.copies.baselines == ShadowCounts.Comparisons())
            #expect(service.copies.baselines.agreement == nil)
            #expect(service.shadows.differences.isEmpty)
        }

        @Test("The service says what agrees, and what a difference looks like")
        func agreeing() async throws {
            let service = try Shadowed()
            try await service.running {
                for score in [0.5, 0.51, 0.9] {
                    try await service.permit().run(
                        .readOnly,
                        against: 0.5,
                        agreeing: { abs($0 - $1) < 0.1 },
                        difference: { "\($0) became \($1)" }
                    ) { score }
                }
                await until { service.copies.running == 0 }
            }
            #expect(service.copies.comparisons == ShadowCounts.Comparisons(agreed: 2, differed: 1))
            #expect(service.shadows.differences.map(\.text) == ["0.5 became 0.9"])
            #expect(service.shadows.differences.first?.variant == service.decision.shadow)
        }

        @Test("A baseline tells how often the primary differs from itself")
        func baseline() async throws {
            let service = try Shadowed()
            try await service.running {
                for second in [1, 2, nil] {
                    try await service.permit().run(
                        .readOnly,
                        against: 1,
                        baseline: {
                            guard let second else { throw Failure() }
                            return second
                        }
                    ) { 3 }
                }
                await until { service.copies.running == 0 }
            }
            #expect(service.copies.comparisons == ShadowCounts.Comparisons(differed: 3))
            #expect(service.copies.baselines == ShadowCounts.Comparisons(agreed: 1, differed: 1, failed: 1))
            #expect(service.copies.succeeded == 3)
            #expect(service.outcomes?.requests == 3, "a baseline is no request")
        }

        @Test("A copy that throws or is cancelled is not compared, and has no baseline")
        func noAnswer() async throws {
            let service = try Shadowed()
            let barrier = Barrier()
            try await service.running {
                for error in [Failure(), CancellationError()] as [any Error] {
                    try await service.permit().run(.readOnly, against: 1, baseline: { 1 }) { throw error }
                }
                try await service.permit().run(.readOnly, against: 1, baseline: { 1 }) {
                    await barrier.wait()
                    return 1
                }
                await until { barrier.has(begun: 1) }
                service.clock.advance(by: .seconds(5))
                await until { barrier.wasCancelled }
                barrier.open()
                await until { service.copies.running == 0 }
            }
            #expect(service.copies.failed == 1)
            #expect(service.copies.cancelled == 2)
            #expect(service.copies.comparisons == ShadowCounts.Comparisons())
            #expect(service.copies.baselines == ShadowCounts.Comparisons())
        }

        @Test("A comparison that throws counts as failed, and the copy as what it was")
        func throwing() async throws {
            let service = try Shadowed()
            try await service.running {
                try await service.permit().run(
                    .readOnly,
                    against: 1,
                    agreeing: { _, _ in throw Failure() },
                    difference: { _, _ in "never" },
                    baseline: { 1 }
                ) { 1 }
                await until { service.copies.running == 0 }
            }
            #expect(service.copies.succeeded == 1)
            #expect(service.copies.comparisons == ShadowCounts.Comparisons(failed: 1))
            #expect(service.copies.baselines == ShadowCounts.Comparisons(failed: 1))
            #expect(service.shadows.differences.isEmpty)
        }

        @Test("A comparison that never ends is stuck as a copy is, and the outcome of the copy is known by then")
        func endless() async throws {
            let service = try Shadowed()
            let barrier = Barrier()
            try await service.running {
                try await service.permit().run(
                    .readOnly,
                    against: 1,
                    agreeing: { _, _ in
                        barrier.begun.add(1, ordering: .acquiringAndReleasing)
                        while barrier.isClosed || !Task.isCancelled {}
                        return true
                    },
                    baseline: { 1 }
                ) { 1 }
                await until { barrier.has(begun: 1) }
                #expect(service.outcomes?.success.count == 1)
                service.clock.advance(by: .seconds(5))
                await until { service.copies.stuck == 1 }
                #expect(!service.hasPermit())
                barrier.open()
                await until { service.copies.running == 0 }
            }
            #expect(service.copies.cancelled == 1)
            #expect(service.copies.comparisons.agreed == 1)
            #expect(service.copies.baselines == ShadowCounts.Comparisons(), "after its time the primary is not asked")
        }

        @Test("The last 16 differences are kept, the oldest first")
        func lastDifferences() async throws {
            let service = try Shadowed()
            try await service.running {
                for number in 1...20 {
                    try await service.permit().run(.readOnly, against: 0, difference: { "\($0) \($1)" }) {
                        number
                    }
                    await until { service.copies.running == 0 }
                }
            }
            #expect(service.shadows.differences.map(\.text) == (5...20).map { "0 \($0)" })
        }

        @Test(
            "A text is cut to 1,024 bytes, never within a character",
            arguments: [
                ("", "a", 1_024, 1_024), ("", "a", 1_025, 1_024), ("a", "é", 511, 511), ("a", "é", 512, 511),
                ("", "👩‍👩‍👧‍👦", 50, 40),
            ]
        )
        func cut(start: String, character: String, count: Int, kept: Int) throws {
            let text = start + String(repeating: character, count: count)
            let difference = ShadowDifference(variant: try Shadowed().decision.variant, text: text)
            #expect(difference.text == start + String(repeating: character, count: kept))
            #expect(difference.text.utf8.count <= 1_024)
        }

        @Test("A character that is longer than that is left out")
        func longCharacter() throws {
            let text = "a" + String(repeating: "\u{301}", count: 1_000_000)
            #expect(ShadowDifference(variant: try Shadowed().decision.variant, text: text).text == "")
        }
    }
}
