extension FollowerState {
    /// What a follower does again and again.
    enum Lane: CaseIterable, Hashable, Sendable { case asking, offering, saving }

    /// What a source answered.
    enum Answer: Sendable {
        /// A policy, and whether it only takes away from what runs.
        case policy(PolicyContent, onlyTakesAway: Bool)
        case sameAsBefore
        case noPolicy(PolicyContent.Identity, UpdateError)
        case failed(UpdateError)
        case ended
        /// Nobody waits for the answer any more.
        case cancelled
    }

    /// Something to begin.
    enum Work: Sendable {
        /// To ask the source for something else than it had before. `entersFailure`: whether the history does not have yet
        /// that it cannot be asked.
        case ask(unlike: PolicyContent.Identity?, entersFailure: Bool)
        case offer(PolicyContent, known: KnownRefusals)
        /// To cancel the offer that is under way.
        case interruptOffer
        case save(PolicyContent)
        case rest(Lane, Duration, number: Int)

        var lane: Lane? {
            switch self {
            case .ask: .asking
            case .offer: .offering
            case .save: .saving
            case .rest(let lane, _, _): lane
            case .interruptOffer: nil
            }
        }
    }

    struct Turn: Sendable {
        var events: [PolicyFollower.Event] = []
        var works: [Work] = []
        /// Whether there is nothing left to do.
        var isLast = false
    }
}
