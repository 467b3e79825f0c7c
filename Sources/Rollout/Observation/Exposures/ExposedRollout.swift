/// What the recorder knows of a rollout. Lives as long as the recorder.
final class ExposedRollout: Sendable {
    let id: RolloutID
    /// Tells this rollout's units from those of others.
    let key: UInt64
    private let state = Lock(State())

    private struct State: ~Copyable {
        var watch: RatioWatch?
        /// The last epoch in which visits came while there was no watch.
        var unwatched: UInt32?

        var seen: (ratio: StagedRatio, epoch: UInt32)? {
            switch watch {
            case .some(let watch): (watch.ratio, watch.epoch)
            case nil: nil
            }
        }
    }

    /// A rollout of that id.
    init(_ id: RolloutID) {
        self.id = id
        // As a salt's hash, so that unit "a" of rollout "b" is not unit "b" of rollout "a".
        key = Bucketing.saltHash(id.text)
    }

    /// Takes in a visit of reason `split`, if the rollout is watched. O(1), unless a policy was published since the last one.
    @inline(__always)
    func count(_ decision: Decision, _ router: RouterState) -> Bool {
        state.withLock { state in state.watch?.count(decision, router) != nil }
    }

    /// Whether no visit of an epoch has been missed.
    func awaitsWatch(of epoch: UInt32) -> Bool {
        state.withLock { state in state.unwatched.map { epoch > $0 } ?? true }
    }

    /// Begins a watch of an epoch, unless there is one. False if visits of the epoch have been missed.
    ///
    /// A watch that began in the middle would meet visitors whom a ramp has moved, and not those who came before and were not
    /// moved.
    func watch(_ epoch: UInt32) -> Bool {
        state.withLock { state in
            if state.watch != nil { return true }
            guard state.unwatched.map({ epoch > $0 }) ?? true else { return false }
            state.watch = RatioWatch(id, epoch: epoch)
            return true
        }
    }

    /// Does without a watch up to the end of an epoch, and of the one that was watched.
    func endWatch(_ epoch: UInt32) {
        state.withLock { state in
            state.unwatched = max(state.unwatched ?? 0, epoch, state.watch?.epoch ?? 0)
            state.watch = nil
        }
    }

    /// What was counted, or nil if the rollout is not watched.
    var observed: ObservedRatio? {
        // The marks are not copied, and the evidence is not computed under the lock.
        let seen = state.withLock { $0.seen }
        return seen.map { $0.ratio.observed(in: id, $0.epoch) }
    }
}
