import Fixtures
import Rollout

/// The value of a decision's release, held fast while it is used.
let resources: [Probe] = {
    let models = ReleaseResources.loaded(for: .canary())
    let decision = RolloutHandle(.canary()).decision(for: Units.bytes36)
    return [
        Probe("resources.withValue") { count in
            for _ in 0..<count { models.withValue(for: decision.variant) { model, _ in consume(model.version) } }
        }
    ]
}()
