import Testing

/// The counting and folding of `OutcomeRecorder`, in every execution that the memory model allows within small bounds.
///
/// `ROLLOUT_STRESS=long` takes larger bounds.
@Suite("Folding, every execution")
struct FoldingModelTests {
    /// How many requests each thread makes, and how many readings there are.
    typealias Bounds = (requests: [Int], readings: Int)

    private static let short: [Bounds] = [([1], 1), ([2], 0)]
    private static let long: [Bounds] = short + [([1], 2), ([2], 1), ([1, 1], 0)]
    private static let bounds = StressEffort.isLong ? long : short

    private func explorer(_ change: FoldingModel.Change?, _ bounds: Bounds) -> ModelExplorer {
        let model = FoldingModel(change: change)
        let requests = bounds.requests.map { count in (0..<count).map { model.request($0 + 1) } }
        return ModelExplorer(
            locations: model.locations,
            setup: { _ in 0 },
            threads: requests + [[model.fold], Array(repeating: model.reading, count: bounds.readings)],
            closing: model.closing(bounds.requests.reduce(0, +)),
            shared: bounds.readings > 0 ? model.shared : model.shared.union([FoldingModel.heard])
        )
    }

    /// What is wrong in an outcome.
    private func isFaulty(_ outcome: ModelExplorer.Outcome) -> Bool { outcome.joined().contains { $0 < 0 } }

    @Test("A request is in flight or counted, once, where it began; and no reading counts fewer than the one before")
    func sound() {
        for bounds in Self.bounds {
            let outcomes = explorer(nil, bounds).explore(.interleaved).outcomes
            let (folds, readings) = (bounds.requests.count, bounds.requests.count + 1)
            #expect(!outcomes.contains(where: isFaulty))
            #expect(outcomes.allSatisfy { $0[readings] == $0[readings].sorted() })
            #expect(outcomes.allSatisfy { $0[readings + 1] == [bounds.requests.reduce(0, +)] })
            #expect(Set(outcomes.map { $0[folds] }) == [[0], [1]], "the row is folded or not")
        }
    }

    @Test("Each ordering and each step of the proofs is needed", arguments: FoldingModel.Change.harmful)
    func isNeeded(change: FoldingModel.Change) {
        let faults = Self.short.lazy.map { explorer(change, $0).explore(.interleaved, until: isFaulty).outcomes }
        #expect(faults.contains { $0.contains(where: isFaulty) })
    }

    @Test("What would do as well is found to do as well", arguments: FoldingModel.Change.harmless)
    func isHarmless(change: FoldingModel.Change) {
        for bounds in Self.bounds {
            #expect(!explorer(change, bounds).explore(.interleaved).outcomes.contains(where: isFaulty))
        }
    }
}
