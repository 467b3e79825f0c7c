import Testing

/// The publication of `SnapshotCell`, in every execution that the memory model allows within small bounds.
///
/// `ROLLOUT_STRESS=long` takes larger bounds, up to the cell's own eight slots.
@Suite("Publication, every execution")
struct PublicationModelTests {
    private typealias Verdict = PublicationModel.Verdict

    /// Slots, policies and the policy that grows the ring.
    struct Bounds: Sendable, CustomTestStringConvertible {
        let slots: Int
        let policies: Int
        let growsAt: Int?

        init(_ slots: Int, _ policies: Int, growsAt: Int?) {
            self.slots = slots
            self.policies = policies
            self.growsAt = growsAt
        }

        var testDescription: String {
            "\(slots) slots, \(policies) policies, " + (growsAt.map { "growth at the \($0)th" } ?? "no growth")
        }

        func model(_ change: PublicationModel.Change? = nil) -> PublicationModel {
            PublicationModel(slots: slots, policies: policies, growsAt: growsAt, change: change)
        }
    }

    private static let short = [
        Bounds(2, 5, growsAt: nil), Bounds(2, 5, growsAt: 2), Bounds(2, 5, growsAt: 4), Bounds(3, 5, growsAt: 4),
    ]
    private static let long = [
        Bounds(2, 9, growsAt: 5), Bounds(3, 9, growsAt: 5), Bounds(4, 10, growsAt: 6), Bounds(8, 17, growsAt: 9),
    ]
    private static let bounds = StressEffort.isLong ? short + long : short
    private static let changed = Bounds(3, 6, growsAt: 4)

    private func explore(
        _ model: PublicationModel,
        _ readers: [[ModelProcedure]],
        _ schedule: ModelExplorer.Schedule = .inOrder
    ) -> (outcomes: Set<ModelExplorer.Outcome>, states: Int) {
        ModelExplorer(locations: model.locations, setup: model.setup, threads: [model.writer] + readers)
            .explore(schedule)
    }

    /// What a read of any execution can come to.
    private func verdicts(_ model: PublicationModel) -> Set<Int> {
        Set(explore(model, [[model.read]]).outcomes.flatMap { $0[1] })
    }

    /// Every policy can be read; what is too old by then is made again; nothing else happens.
    private func sound(_ bounds: Bounds) -> Set<Int> { Set(1...bounds.policies).union([Verdict.again]) }

    @Test("A thread that reads twice reads whole policies within their rings, and none older", arguments: bounds)
    func twice(bounds: Bounds) {
        let model = bounds.model()
        let (outcomes, states) = explore(model, [[model.read, model.read]])
        if StressEffort.isLong { print("\(bounds.testDescription): \(states) states") }
        #expect(Set(outcomes.flatMap { $0[1] }) == sound(bounds))
        for outcome in outcomes where !outcome[1].contains(Verdict.again) { #expect(outcome[1][0] <= outcome[1][1]) }
    }

    @Test("A thread that hears of another's read reads nothing older", arguments: bounds)
    func told(bounds: Bounds) {
        let model = bounds.model()
        let verdicts = explore(model, [[model.readAndTell()], [model.hearAndRead]]).outcomes.flatMap { $0[2] }
        #expect(Set(verdicts) == sound(bounds))
    }

    @Test("A thread that hears of it without synchronising may read something older")
    func rumour() {
        let model = Self.changed.model()
        let verdicts = explore(model, [[model.readAndTell(.relaxed)], [model.hearAndRead]]).outcomes.flatMap { $0[2] }
        #expect(Set(verdicts).contains(Verdict.backwards))
    }

    @Test("Each ordering and each step of the proof is needed", arguments: PublicationModel.Change.harmful)
    func isNeeded(change: PublicationModel.Change) {
        #expect(!verdicts(Self.changed.model(change)).isDisjoint(with: [Verdict.torn, Verdict.overrun]))
    }

    @Test("What would do as well is found to do as well", arguments: PublicationModel.Change.harmless)
    func isHarmless(change: PublicationModel.Change) {
        #expect(verdicts(Self.changed.model(change)) == sound(Self.changed))
    }

    @Test(
        "Running the threads one after another loses nothing against every interleaving",
        arguments: [nil, .noReleasingFence, .relaxedSlotLoad, .ringNotCopied] as [PublicationModel.Change?]
    )
    func schedules(change: PublicationModel.Change?) {
        let one = Bounds(2, 3, growsAt: 3).model(change)
        let two = Bounds(2, 2, growsAt: nil).model(change)
        for (model, readers) in [(one, [[one.read]]), (two, [[two.readAndTell()], [two.hearAndRead]])] {
            let inOrder = explore(model, readers)
            let interleaved = explore(model, readers, .interleaved)
            #expect(inOrder.outcomes == interleaved.outcomes)
            #expect(inOrder.states < interleaved.states)
        }
    }
}
