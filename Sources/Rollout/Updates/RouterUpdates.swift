/// What updates need of a router beside its policy.
///
/// **Claim:** it starts with the policy that the router started with, whenever it is made. Because only an update publishes
/// another one, and that takes the journal first.
final class RouterUpdates: RouterFeature {
    /// What writers remember, and whom they tell.
    let journal: UpdateJournal
    /// Where updates wait that stand before gates.
    let gateQueue = GateQueue()

    init(startingWith policy: CompiledPolicy) {
        journal = UpdateJournal(startingWith: policy)
    }
}

extension RouterState {
    var updates: RouterUpdates { feature(RouterUpdates.self) }
    var journal: UpdateJournal { updates.journal }
}
