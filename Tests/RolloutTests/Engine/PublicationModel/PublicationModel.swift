/// `SnapshotCell` step by step, as a program of `ModelExplorer`, with fewer slots.
///
/// Every word of policy p holds p, so a mixture shows. Policies have two words, and three once they have grown, so that a
/// reader can meet both rings. The first policy is there when the threads start, as it is in a cell.
struct PublicationModel: Sendable {
    /// A departure from `SnapshotCell`.
    enum Change: String, CaseIterable, Sendable {
        // Each ordering of the proof, weakened.
        case relaxedHeadStore, relaxedHeadLoad, relaxedSlotStore, relaxedSlotLoad
        case noReleasingFence, lateReleasingFence, noAcquiringFence, earlyAcquiringFence
        // Each step of the proof, left out or put elsewhere.
        case widerWindow, noSecondLook, ringNotCopied, slotsStoredBeforeCopy, slotsStoredAfterHead
        case onlyRunningSlotCopied
        // What would do as well.
        case releasedWordsWithoutFence, acquiringSecondLook, overwrittenSlotNotCopied

        static let harmless: [Change] = [.releasedWordsWithoutFence, .acquiringSecondLook, .overwrittenSlotNotCopied]
        static let harmful = allCases.filter { !harmless.contains($0) }
    }

    /// What is remembered of a read if it is not a policy.
    enum Verdict {
        /// Made of anything but the one policy.
        static let torn = -1
        /// The slot has no room for the policy.
        static let overrun = -2
        /// An older policy than a thread before it had read.
        static let backwards = -3
        /// To be made again.
        static let again = 0
    }

    var slots = 3
    var policies = 5
    /// The first policy of three words, or nil for none.
    var growsAt: Int?
    var change: Change?

    // MARK: Locations

    private static let (head, flag) = (0, 1)
    /// The words of a slot, by ring.
    private static let capacities = [2, 3]
    /// What memory holds that nobody has written.
    private static let garbage = -9

    var locations: [Int] {
        [0, 0] + Array(repeating: 0, count: slots) + Array(repeating: 0, count: slots * Self.capacities[0])
            + Array(repeating: Self.garbage, count: slots * Self.capacities[1])
    }

    private func word(_ index: Int, of policy: Int, ring: Int) -> Int {
        2 + slots + ring * slots * Self.capacities[0] + policy % slots * Self.capacities[ring] + index
    }

    /// The place that says in which ring a policy's slot is.
    private func place(of policy: Int) -> Int { 2 + policy % slots }

    private func size(of policy: Int) -> Int { growsAt.map { policy >= $0 } == true ? 3 : 2 }

    private func ordering(
        _ ordering: ModelAction.Ordering,
        relaxedBy change: Change
    ) -> ModelAction.Ordering { self.change == change ? .relaxed : ordering }

    // MARK: The writer

    /// Publishes the first policy.
    var setup: ModelProcedure { publication(of: 1) }

    /// Publishes the others.
    var writer: [ModelProcedure] { (2...policies).map { publication(of: $0) } }

    private func publication(of policy: Int) -> ModelProcedure {
        { (script) throws(ModelPause) in
            try publish(policy, &script)
            return policy
        }
    }

    private func publish(_ policy: Int, _ script: inout ModelScript) throws(ModelPause) {
        let grows = policy == growsAt
        if grows {
            if change == .slotsStoredBeforeCopy { try storeSlots(&script) }
            try copyRing(before: policy, &script)
            if ![.slotsStoredBeforeCopy, .slotsStoredAfterHead].contains(change) { try storeSlots(&script) }
        }
        let ring = size(of: policy) == 3 ? 1 : 0
        let words = 0..<size(of: policy)
        if ![.noReleasingFence, .lateReleasingFence, .releasedWordsWithoutFence].contains(change) {
            try script.fence(.releasing)
        }
        for index in words {
            let ordering: ModelAction.Ordering = change == .releasedWordsWithoutFence ? .releasing : .relaxed
            try script.store(policy, to: word(index, of: policy, ring: ring), ordering)
        }
        if change == .lateReleasingFence { try script.fence(.releasing) }
        try script.store(policy, to: Self.head, ordering(.releasing, relaxedBy: .relaxedHeadStore))
        if grows, change == .slotsStoredAfterHead { try storeSlots(&script) }
    }

    private func storeSlots(_ script: inout ModelScript) throws(ModelPause) {
        for slot in 0..<slots {
            try script.store(1, to: place(of: slot), ordering(.releasing, relaxedBy: .relaxedSlotStore))
        }
    }

    /// Initialises the larger ring, and copies into it what the slots of the smaller one hold.
    private func copyRing(before policy: Int, _ script: inout ModelScript) throws(ModelPause) {
        for old in (policy - slots)..<policy {
            for index in 0..<Self.capacities[1] {
                try script.store(0, to: word(index, of: old + slots, ring: 1), .relaxed)
            }
        }
        let first =
            switch change {
            case .ringNotCopied: policy
            case .onlyRunningSlotCopied: policy - 1
            case .overwrittenSlotNotCopied: policy - slots + 1
            default: policy - slots
            }
        for old in first..<policy where old > 0 {
            for index in 0..<Self.capacities[0] { try script.store(old, to: word(index, of: old, ring: 1), .relaxed) }
        }
    }

    // MARK: The reader

    /// One pass through the reader's loop.
    var read: ModelProcedure {
        { (script) throws(ModelPause) in try pass(&script) }
    }

    /// A read, and word of it to another thread.
    func readAndTell(_ ordering: ModelAction.Ordering = .releasing) -> ModelProcedure {
        { (script) throws(ModelPause) in
            let policy = try pass(&script)
            if policy > 0 { try script.store(policy, to: Self.flag, ordering) }
            return policy
        }
    }

    /// A read of a thread that has word of another one's.
    var hearAndRead: ModelProcedure {
        { (script) throws(ModelPause) in
            let heard = try script.load(Self.flag, .acquiring)
            let policy = try pass(&script)
            return policy > 0 && policy < heard ? Verdict.backwards : policy
        }
    }

    private func pass(_ script: inout ModelScript) throws(ModelPause) -> Int {
        let policy = try script.load(Self.head, ordering(.acquiring, relaxedBy: .relaxedHeadLoad))
        let ring = try script.load(place(of: policy), ordering(.acquiring, relaxedBy: .relaxedSlotLoad))
        guard size(of: policy) <= Self.capacities[ring] else { return Verdict.overrun }
        if change == .earlyAcquiringFence { try script.fence(.acquiring) }
        var isWhole = true
        for index in 0..<size(of: policy) {
            if try script.load(word(index, of: policy, ring: ring), .relaxed) != policy { isWhole = false }
        }
        if ![.noAcquiringFence, .earlyAcquiringFence].contains(change) { try script.fence(.acquiring) }
        let result = isWhole ? policy : Verdict.torn
        if change == .noSecondLook { return result }
        let later = try script.load(Self.head, change == .acquiringSecondLook ? .acquiring : .relaxed)
        return later - policy < (change == .widerWindow ? slots : slots - 1) ? result : Verdict.again
    }
}
