/// Ends an update's waiting when its time is up or its task is cancelled, whatever it waits for just then.
final class GateWatch: Sendable {
    /// Why waiting ends: nil because what was waited for came about.
    typealias Verdict = OneShot<GateRefusal.Cause?>

    private struct State {
        var cause: GateRefusal.Cause?
        var awaited: Verdict?
    }

    private let state = Lock(State())

    /// Ends what is waited for now, and whatever shall be waited for later.
    func end(_ cause: GateRefusal.Cause) {
        let awaited = state.withLock { state in
            state.cause = state.cause ?? cause
            return state.awaited
        }
        awaited?.fulfil(cause)
    }

    /// Watches over what is waited for from now on.
    func watch(_ verdict: Verdict) {
        let cause = state.withLock { state in
            state.awaited = verdict
            return state.cause
        }
        if let cause { verdict.fulfil(cause) }
    }
}

/// Lets one update after another stand before its gates.
final class GateQueue: Sendable {
    private struct State {
        var isTaken = false
        var waiting: [GateWatch.Verdict] = []
    }

    private let state = Lock(State())

    /// Fulfils the turn with nil when it has come. Whoever got it so has to ``leave()``.
    func enter(_ turn: GateWatch.Verdict) {
        let isFree = state.withLock { state in
            if state.isTaken { state.waiting.append(turn) }
            return !exchange(&state.isTaken, with: true)
        }
        if isFree, !turn.fulfil(nil) { leave() }
    }

    /// Passes the turn on to the first who still waits for it.
    func leave() {
        while true {
            let next: GateWatch.Verdict? = state.withLock { state in
                if state.waiting.isEmpty {
                    state.isTaken = false
                    return nil
                }
                return state.waiting.removeFirst()
            }
            guard let next, !next.fulfil(nil) else { return }
        }
    }
}
