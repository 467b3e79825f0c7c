/// Whatever answers: does this unit get the canary of a 90/10 rollout?
protocol Contender: Sendable {
    func decides(_ unit: borrowing Unit) -> Bool
}

/// A contender as the table shows it.
struct Candidate: Sendable {
    let name: String
    /// What it does besides, or does not do.
    let note: String
    /// Whether the plot draws it as one of ours.
    let isOurs: Bool
    /// Decides so many times and gives the number of canaries.
    let run: @Sendable (Crowd, Int) -> Int

    init(_ name: String, isOurs: Bool = false, _ contender: some Contender, note: String) {
        self.init(name: name, isOurs: isOurs, note: note) { crowd, rounds in
            crowd.canaries(by: contender, rounds: rounds)
        }
    }

    init(name: String, isOurs: Bool = false, note: String, run: @escaping @Sendable (Crowd, Int) -> Int) {
        self.name = name
        self.note = note
        self.isOurs = isOurs
        self.run = run
    }
}
