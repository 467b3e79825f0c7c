/// The gates before an update, and the time they have.
struct GateKeeping: Sendable {
    let gates: [any PolicyGate]
    let limit: Duration?
    let clock: any Clock<Duration>

    /// How far a policy got.
    struct Passage {
        /// The gates that let it through; each still has to be told how the update ended.
        var passed: [any PolicyGate] = []
        /// The gate that did not.
        var refusal: GateRefusal?

        func finish(published: Bool) async {
            for gate in passed { await gate.finish(published: published) }
        }
    }

    /// Calls the body with a watch that ends waiting when the time is up or the task is cancelled.
    func withWatch<Result>(_ body: (GateWatch) async -> Result) async -> Result {
        let watch = GateWatch()
        let timer = limit.map { limit in
            Task { [clock] in
                guard (try? await clock.sleep(for: limit.withinAllClocks)) != nil else { return }
                watch.end(.timedOut(after: limit))
            }
        }
        defer { timer?.cancel() }
        return await withTaskCancellationHandler {
            await body(watch)
        } onCancel: {
            watch.end(.cancelled)
        }
    }

    /// Has one gate after the other prepare, up to the first that refuses.
    func passage(from running: RolloutPolicy, to next: RolloutPolicy, under watch: GateWatch) async -> Passage {
        var passage = Passage()
        for gate in gates {
            if let cause = await prepare(gate, from: running, to: next, under: watch) {
                passage.refusal = GateRefusal(gate: gate.name, cause: cause)
                return passage
            }
            passage.passed.append(gate)
        }
        return passage
    }

    /// Why the gate refuses, or nil where it does not.
    ///
    /// The preparation runs in a task of its own, so that nobody waits for one that does not heed cancellation. Its
    /// `finish` comes from that task where the gate refused or nobody waits any more, and from whoever updates otherwise:
    /// once, because the verdict is fulfilled once.
    private func prepare(
        _ gate: any PolicyGate,
        from running: RolloutPolicy,
        to next: RolloutPolicy,
        under watch: GateWatch
    ) async -> GateRefusal.Cause? {
        let verdict = GateWatch.Verdict()
        let task = Task {
            do {
                try await gate.prepare(from: running, to: next)
                if !verdict.fulfil(nil) { await gate.finish(published: false) }
            } catch {
                await gate.finish(published: false)
                verdict.fulfil(.threw(ThrownError(error)))
            }
        }
        watch.watch(verdict)
        let cause = await verdict.value
        if cause != nil { task.cancel() }
        return cause
    }
}
