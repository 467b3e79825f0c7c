import Testing

/// The classic questions that tell memory models apart, put to ours.
@Suite("The memory model of the checker")
struct MemoryModelTests {
    private static let (x, y, z) = (0, 1, 2)

    /// What two threads, or more, can remember.
    private func outcomes(_ threads: [[ModelProcedure]]) -> Set<[[Int]]> {
        ModelExplorer(locations: [0, 0, 0], setup: { _ in 0 }, threads: threads).explore(.interleaved).outcomes
    }

    private func loading(_ location: Int, _ ordering: ModelAction.Ordering = .relaxed) -> ModelProcedure {
        { (script) throws(ModelPause) in try script.load(location, ordering) }
    }

    private func storing(_ location: Int, _ ordering: ModelAction.Ordering = .relaxed) -> ModelProcedure {
        { (script) throws(ModelPause) in
            try script.store(1, to: location, ordering)
            return 0
        }
    }

    private func fence(_ ordering: ModelAction.Ordering) -> ModelProcedure {
        { (script) throws(ModelPause) in
            try script.fence(ordering)
            return 0
        }
    }

    @Test(
        "Message passing: only a released and acquired flag brings the message along",
        arguments: [
            (.relaxed, .relaxed, true), (.releasing, .relaxed, true), (.relaxed, .acquiring, true),
            (.releasing, .acquiring, false),
        ] as [(ModelAction.Ordering, ModelAction.Ordering, Bool)]
    )
    func messagePassing(store: ModelAction.Ordering, load: ModelAction.Ordering, isLost: Bool) {
        let seen = outcomes([
            [storing(Self.x), storing(Self.y, store)], [loading(Self.y, load), loading(Self.x)],
        ])
        #expect(seen.contains([[0, 0], [1, 0]]) == isLost)
        #expect(seen.isSuperset(of: [[[0, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 0], [1, 1]]]))
    }

    @Test(
        "Message passing by fences: it takes both",
        arguments: [
            (.relaxed, .relaxed, true), (.releasing, .relaxed, true), (.relaxed, .acquiring, true),
            (.releasing, .acquiring, false),
        ] as [(ModelAction.Ordering, ModelAction.Ordering, Bool)]
    )
    func messagePassingByFences(store: ModelAction.Ordering, load: ModelAction.Ordering, isLost: Bool) {
        let seen = outcomes([
            [storing(Self.x), fence(store), storing(Self.y)], [loading(Self.y), fence(load), loading(Self.x)],
        ])
        #expect(seen.contains([[0, 0, 0], [1, 0, 0]]) == isLost)
    }

    @Test("A fence orders the stores after it, not the store before it")
    func fenceAfterFlag() {
        let seen = outcomes([
            [storing(Self.x), storing(Self.y), fence(.releasing)], [loading(Self.y, .acquiring), loading(Self.x)],
        ])
        #expect(seen.contains([[0, 0, 0], [1, 0]]))
    }

    @Test("Store buffering: two threads can miss each other's store, even if all is acquired and released")
    func storeBuffering() {
        let seen = outcomes([
            [storing(Self.x, .releasing), loading(Self.y, .acquiring)],
            [storing(Self.y, .releasing), loading(Self.x, .acquiring)],
        ])
        #expect(seen == [[[0, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 1], [0, 0]], [[0, 1], [0, 1]]])
    }

    @Test("Coherence: loads of one location never go back, even relaxed")
    func coherence() {
        let seen = outcomes([[storing(Self.x)], [loading(Self.x), loading(Self.x)]])
        #expect(seen == [[[0], [0, 0]], [[0], [0, 1]], [[0], [1, 1]]])
    }

    @Test("An exchange takes the last store, and so does an addition: none is lost")
    func exchanges() {
        let adding: ModelProcedure = { (script) throws(ModelPause) in
            try script.add(1, to: Self.x, in: 0...9, .relaxed) ? 1 : 0
        }
        let taking: ModelProcedure = { (script) throws(ModelPause) in try script.exchange(-1, at: Self.x, .relaxed) }
        let seen = outcomes([[adding], [adding], [taking], [loading(Self.x)]])
        #expect(
            Set(seen.map { Array($0[0...2]) }) == [
                [[0], [0], [0]], [[0], [1], [1]], [[1], [0], [1]], [[1], [1], [2]],
            ]
        )
    }

    @Test(
        "An exchange passes on what the store carried that it replaced",
        arguments: [(.releasing, false), (.relaxed, true)] as [(ModelAction.Ordering, Bool)]
    )
    func releaseSequence(store: ModelAction.Ordering, isLost: Bool) {
        let adding: ModelProcedure = { (script) throws(ModelPause) in
            try script.add(1, to: Self.y, in: 1...1, .relaxed) ? 1 : 0
        }
        let exchanging: ModelProcedure = { (script) throws(ModelPause) in try script.exchange(1, at: Self.y, store) }
        let seen = outcomes([
            [storing(Self.x), exchanging], [adding], [loading(Self.y, .acquiring), loading(Self.x)],
        ])
        #expect(seen.contains([[0, 0], [1], [2, 0]]) == isLost)
    }

    @Test("Who waits for a lock knows what was done under it")
    func locks() {
        let visit: ModelProcedure = { (script) throws(ModelPause) in
            try script.withLock(at: Self.z) { (script) throws(ModelPause) in
                let seen = try script.load(Self.x, .relaxed)
                try script.store(seen + 1, to: Self.x, .relaxed)
                return seen
            }
        }
        let explorer = ModelExplorer(
            locations: [0, 0, 0],
            setup: { _ in 0 },
            threads: [[visit], [visit]],
            closing: { (script) throws(ModelPause) in try script.load(Self.x, .relaxed) },
            shared: [Self.x, Self.z]
        )
        #expect(explorer.explore(.interleaved).outcomes == [[[0], [1], [2]], [[1], [0], [2]]])
    }

    @Test("Independent readers may disagree on the order of independent stores")
    func independentReaders() {
        let seen = outcomes([
            [storing(Self.x, .releasing)], [storing(Self.y, .releasing)],
            [loading(Self.x, .acquiring), loading(Self.y, .acquiring)],
            [loading(Self.y, .acquiring), loading(Self.x, .acquiring)],
        ])
        #expect(seen.contains([[0], [0], [1, 0], [1, 0]]))
    }

    @Test("Word travels on: what a thread acquired, it releases")
    func cumulativity() {
        let tell: ModelProcedure = { (script) throws(ModelPause) in
            let heard = try script.load(Self.y, .acquiring)
            if heard == 1 { try script.store(1, to: Self.z, .releasing) }
            return heard
        }
        let seen = outcomes([
            [storing(Self.x), storing(Self.y, .releasing)], [tell], [loading(Self.z, .acquiring), loading(Self.x)],
        ])
        #expect(seen.contains([[0, 0], [1], [1, 1]]))
        #expect(!seen.contains([[0, 0], [1], [1, 0]]))
    }
}
