/// The counts of one variant as `OutcomeRecorder` keeps them, step by step, as programs of `ModelExplorer`: requests that are
/// measured, the folding of the row, the use of its memory for another variant, and readings.
///
/// A row has one node with one range. The variant's first row is there when the threads start; once it is folded, the variant
/// gets a second one. A word holds the owner's number times 100 and the count, as an `OutcomeCell` does.
struct FoldingModel: Sendable {
    /// A departure from `OutcomeRecorder`.
    enum Change: String, CaseIterable, Sendable {
        // Each step of the proofs, left out or put elsewhere.
        case begunOnlyLookedAt, begunReadBeforeEnded, endedBeforeCounted, countedReadBeforeEnded
        case addedInTwoSteps, takenInTwoSteps, ownerNotAsked
        // Each ordering of the proofs, weakened.
        case relaxedAdditions, relaxedReads
        // What would do as well.
        case endedCountedBeforeBegunIsTaken, relaxedTakings

        static let harmless: [Change] = [.endedCountedBeforeBegunIsTaken, .relaxedTakings]
        static let harmful = allCases.filter { !harmless.contains($0) }
    }

    /// What is remembered of a reading, or of the end, if it is not the number of requests.
    enum Verdict {
        /// Fewer than none in flight.
        static let negative = -1
        /// A request that has begun is neither in flight nor counted.
        static let missing = -2
        /// At the end: a request is lost, counted twice or elsewhere, or in flight for ever.
        static let wrong = -3
    }

    var change: Change?

    // MARK: Locations

    private static let (lock, entry, remainder) = (0, 1, 2)
    static let heard = 3
    private static let (begun, ended, counted) = (0, 1, 2)
    private static let (mine, others, free) = (100, 200, -1)

    /// A count of the first or the second row.
    private static func cell(_ place: Int, row: Int) -> Int { 4 + 3 * (row - 1) + place }

    let locations = [0, 1, 0, 0, mine, mine, mine, free, free, free]
    /// All but the word that tells the reader.
    let shared: Set = [0, 1, 2, 4, 5, 6, 7, 8, 9]

    private var additions: ModelAction.Ordering { change == .relaxedAdditions ? .relaxed : .releasing }
    private var reads: ModelAction.Ordering { change == .relaxedReads ? .relaxed : .acquiring }
    private var takings: ModelAction.Ordering { change == .relaxedTakings ? .relaxed : .acquiringAndReleasing }

    // MARK: Requests

    /// A request that is measured, from its beginning to its end; with word of it to the reader while it is served.
    func request(_ number: Int) -> ModelProcedure {
        { (script) throws(ModelPause) in
            try count(Self.begun, &script)
            try script.store(number, to: Self.heard, .releasing)
            let isLate = change == .endedBeforeCounted
            try count(isLate ? Self.ended : Self.counted, &script)
            try count(isLate ? Self.counted : Self.ended, &script)
            return 0
        }
    }

    private func count(_ place: Int, _ script: inout ModelScript) throws(ModelPause) {
        while true {
            let row = try script.load(Self.entry, .acquiring)
            if row != 0, try add(to: Self.cell(place, row: row), &script) { return }
            try script.withLock(at: Self.lock) { (script) throws(ModelPause) in
                guard try script.load(Self.entry, .relaxed) == 0 else { return }
                for place in 0..<3 { try script.store(Self.mine, to: Self.cell(place, row: 2), .releasing) }
                try script.store(2, to: Self.entry, .releasing)
            }
        }
    }

    private func add(to location: Int, _ script: inout ModelScript) throws(ModelPause) -> Bool {
        let range = change == .ownerNotAsked ? Self.mine...Self.others + 99 : Self.mine...Self.mine + 99
        guard change == .addedInTwoSteps else { return try script.add(1, to: location, in: range, additions) }
        let word = try script.load(location, .relaxed)
        guard range.contains(word) else { return false }
        try script.store(word + 1, to: location, .releasing)
        return true
    }

    // MARK: Folding

    /// Folds the first row if nobody is in it, and gives its memory to another variant.
    var fold: ModelProcedure {
        { (script) throws(ModelPause) in
            try script.withLock(at: Self.lock) { (script) throws(ModelPause) in try foldRow(&script) }
        }
    }

    private func foldRow(_ script: inout ModelScript) throws(ModelPause) -> Int {
        try script.store(0, to: Self.entry, .releasing)
        let (begun, ended) = (Self.cell(Self.begun, row: 1), Self.cell(Self.ended, row: 1))
        var finished = 0
        if change == .endedCountedBeforeBegunIsTaken { finished = try script.load(ended, reads) }
        let isLookedAt = change == .begunOnlyLookedAt
        let started = try isLookedAt ? script.load(begun, .acquiring) : take(begun, &script)
        if change != .endedCountedBeforeBegunIsTaken { finished = try script.load(ended, reads) }
        guard started == finished else {
            if !isLookedAt { try script.store(started, to: begun, .releasing) }
            try script.store(1, to: Self.entry, .releasing)
            return 0
        }
        if isLookedAt { _ = try take(begun, &script) }
        _ = try take(ended, &script)
        let counted = try take(Self.cell(Self.counted, row: 1), &script) - Self.mine
        try script.store(script.load(Self.remainder, .relaxed) + counted, to: Self.remainder, .relaxed)
        for place in 0..<3 { try script.store(Self.others, to: Self.cell(place, row: 1), .releasing) }
        return 1
    }

    private func take(_ location: Int, _ script: inout ModelScript) throws(ModelPause) -> Int {
        guard change == .takenInTwoSteps else { return try script.exchange(Self.free, at: location, takings) }
        let word = try script.load(location, .acquiring)
        try script.store(Self.free, to: location, .releasing)
        return word
    }

    // MARK: Reading

    /// A reading: how many requests it counts, or what is wrong with it.
    var reading: ModelProcedure {
        { (script) throws(ModelPause) in
            let heard = try script.load(Self.heard, .acquiring)
            let (counted, inFlight) = try script.withLock(at: Self.lock) { (script) throws(ModelPause) in
                try read(&script)
            }
            return inFlight < 0 ? Verdict.negative : counted + inFlight < heard ? Verdict.missing : counted
        }
    }

    private func read(_ script: inout ModelScript) throws(ModelPause) -> (counted: Int, inFlight: Int) {
        let remainder = try script.load(Self.remainder, .relaxed)
        let row = try script.load(Self.entry, .relaxed)
        if row == 0 { return (remainder, 0) }
        let order =
            switch change {
            case .begunReadBeforeEnded: [Self.begun, Self.ended, Self.counted]
            case .countedReadBeforeEnded: [Self.counted, Self.ended, Self.begun]
            default: [Self.ended, Self.begun, Self.counted]
            }
        var counts = [0, 0, 0]
        for place in order { counts[place] = try script.load(Self.cell(place, row: row), reads) % 100 }
        return (remainder + counts[Self.counted], counts[Self.begun] - counts[Self.ended])
    }

    /// The end of so many requests: how many are counted, or that something is wrong.
    func closing(_ requests: Int) -> ModelProcedure {
        { (script) throws(ModelPause) in
            var counts: [[Int]] = []
            for row in 1...2 {
                var words: [Int] = []
                for place in 0..<3 { words.append(try script.load(Self.cell(place, row: row), .relaxed)) }
                counts.append(words)
            }
            return try verdict(counts, script.load(Self.remainder, .relaxed), requests)
        }
    }

    private func verdict(_ words: [[Int]], _ remainder: Int, _ requests: Int) -> Int {
        let isWhole = words.allSatisfy { words in Set(words).count == 1 }
        let mine = words.compactMap { $0[0] / 100 == 1 ? $0[0] % 100 : nil }.reduce(remainder, +)
        let isOthers = words[0][0] / 100 != 2 || words[0][0] % 100 == 0
        return isWhole && isOthers && mine == requests ? mine : Verdict.wrong
    }
}
