import Rollout
import Synchronization

extension Station {
    /// Policies published while others decide: no decision mixes two of them.
    static let liveUpdate = Station(title: "Updates under load") { stage throws(Stop) in
        let load = try Load(stage)
        let start = ContinuousClock.now
        let (published, counts) = await withTaskGroup(of: Load.Counts.self) { group in
            for worker in 0..<Load.workers { group.addTask { await load.decide(worker) } }
            let published = await load.publish(for: .milliseconds(500))
            var counts = Load.Counts()
            for await part in group { counts.add(part) }
            return (published, counts)
        }
        let elapsed = ContinuousClock.now - start
        let perSecond = Int(Double(counts.decisions) / (elapsed / .seconds(1)))
        stage.say(
            "\(Load.workers) tasks decide without a pause, each decision held against the policy of its revision,"
        )
        stage.say("while another task publishes one policy after the other.")
        var table = Table("lr")
        table.add("decisions", "\(grouped(counts.decisions))")
        table.add("a second", "\(grouped(perSecond))")
        table.add("policies published meanwhile", "\(grouped(published))")
        table.add("revisions seen, by all tasks together", "\(grouped(counts.revisions))")
        table.add(
            "decisions that fit no revision",
            Table.Cell(grouped(counts.mixtures), counts.mixtures == 0 ? .green : .red)
        )
        table.add(
            "revisions that went back",
            Table.Cell(grouped(counts.reversals), counts.reversals == 0 ? .green : .red)
        )
        stage.show(table)
    }
}

/// Tasks that decide, and one that publishes.
///
/// A revision tells everything about its policy: its canary has `revision % 101` percent, and an odd one carries other
/// releases than an even one. So a decision that mixes two policies gives itself away.
private final class Load: Sendable {
    static let workers = 3

    struct Counts {
        var decisions = 0
        /// How often a worker met another revision than before.
        var revisions = 0
        var mixtures = 0
        var reversals = 0

        mutating func add(_ other: Counts) {
            decisions += other.decisions
            revisions += other.revisions
            mixtures += other.mixtures
            reversals += other.reversals
        }
    }

    private let updater: RolloutUpdater
    private let handle: RolloutHandle
    /// By parity of the revision: what stable and canary are then.
    private let variants: [[Decision.Variant]]
    private let units: [(unit: HashedUnit, bucket: Int)]
    private let isOver = Atomic(false)

    init(_ stage: borrowing Stage) throws(Stop) {
        let router = try stage.router(Self.policy(revision: 0))
        updater = RolloutUpdater(router)
        let handle = try stage.rollout("sms", of: router)
        self.handle = handle
        units = stage.units.map { (HashedUnit($0), handle.decision(for: $0).bucket ?? 0) }
        var variants: [[Decision.Variant]] = []
        for revision: UInt32 in [0, 1] {
            // At 0 % everybody is stable, at 100 % everybody is in the canary.
            let pair = [Share.zero, .all].map { share in
                RolloutPolicy(revision: revision, rollouts: ["sms": Self.rollout(share, revision)])
            }
            let answers = try pair.map { policy throws(Stop) in
                try stage.router(policy).snapshot().decision(for: "anybody", in: "sms")?.variant
            }
            variants.append(answers.compactMap(\.self))
        }
        self.variants = variants
    }

    private static func rollout(_ share: Share, _ revision: UInt32) -> RolloutDefinition {
        let parity = revision.isMultiple(of: 2) ? "even" : "odd"
        // Releases change with every revision, and a changed release asks for a higher epoch.
        return RolloutDefinition(
            .canary(share, stable: [.app: "v1-\(parity)"], canary: [.app: "v2-\(parity)"]),
            epoch: revision
        )
    }

    private static func share(_ revision: UInt32) -> Share { .percent(Double(revision % 101)) }

    private static func policy(revision: UInt32) -> RolloutPolicy {
        RolloutPolicy(revision: revision, rollouts: ["sms": rollout(share(revision), revision)])
    }

    /// Publishes policies for that long, then ends the others; gives how many.
    func publish(for duration: Duration) async -> Int {
        let start = ContinuousClock.now
        var revision: UInt32 = 0
        while ContinuousClock.now - start < duration {
            let next = revision + 1
            guard (try? await updater.update(to: Self.policy(revision: next))) == next else { break }
            revision = next
            await Task.yield()
        }
        isOver.store(true, ordering: .relaxed)
        return Int(revision)
    }

    /// Decides until it is over.
    func decide(_ worker: Int) async -> Counts {
        var counts = Counts()
        var last: UInt32 = 0
        var index = worker
        while !isOver.load(ordering: .relaxed) {
            for _ in 0..<1_000 {
                let (unit, bucket) = units[index % units.count]
                index += 1
                let decision = handle.decision(for: unit)
                let revision = decision.revision
                let isCanary = bucket < Self.share(revision).buckets
                let expected = variants[Int(revision % 2)][isCanary ? 1 : 0]
                if decision.variant != expected || decision.bucket != bucket { counts.mixtures += 1 }
                if revision < last { counts.reversals += 1 }
                if revision != last { counts.revisions += 1 }
                last = revision
            }
            counts.decisions += 1_000
            await Task.yield()
        }
        return counts
    }
}
