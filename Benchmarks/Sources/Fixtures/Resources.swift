import Dispatch
public import Rollout

/// What a release stands for in the measurements: an object, so that a count of its references would show.
public final class Model: Sendable {
    /// The version of the model.
    public let version: Int

    init(version: Int) { self.version = version }
}

extension ReleaseResources where Value == Model {
    /// Models for all that a policy can route to, loaded before this returns.
    public static func loaded(for policy: RolloutPolicy) -> ReleaseResources {
        nonisolated(unsafe) var loaded: ReleaseResources?
        let done = DispatchSemaphore(value: 0)
        Task {
            unsafe loaded = try? await ReleaseResources(for: policy) { _, release in
                Model(version: release[.model] == "v1" ? 1 : 2)
            }
            done.signal()
        }
        done.wait()
        guard let loaded = unsafe loaded else { preconditionFailure("a model that is made in memory was not loaded") }
        return loaded
    }
}
