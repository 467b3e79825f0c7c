import Fixtures
import Rollout

/// What a copy takes on the path of its request.
let shadows: [Probe] = {
    let decision = Decision.copied
    let (roomy, full) = ShadowRunner.held(room: 2 * Probe.total)
    let dropped = roomy.counts.total.dropped
    return [
        Probe("shadow.dropped") { count in
            for _ in 0..<count { drop(decision, full) }
        },
        Probe("shadow.copy") { count in
            for index in 0..<count {
                let permit = roomy.permit(for: decision)
                permit?.run(.readOnly) { consume(index) }
            }
        },
        Probe("shadow.copy.compared") { count in
            for index in 0..<count {
                let permit = roomy.permit(for: decision)
                permit?.run(.readOnly, against: index) { index + 1 }
            }
            precondition(roomy.counts.total.dropped == dropped, "copies were dropped: that measures nothing")
        },
    ]
}()

@inline(never) private func drop(_ decision: Decision, _ shadows: ShadowRunner) {
    if let permit = shadows.permit(for: decision) { permit.run(.readOnly) {} }
}
