/// A gate that refuses policies which route to versions that this service was not built for.
///
///     let known = KnownReleases([.app: ["v1", "v2"]], in: [.sms])
///     let updater = RolloutUpdater(router, gates: [known, models])
///
/// A policy can route to every variant that is not disabled, whatever its share. The refusal names every version that is
/// not known, and where the policy has it; its code is `unknownReleases`.
public struct KnownReleases: PolicyGate {
    /// The most versions that a refusal names.
    private static let longestList = 12

    private let versions: [Release.Component: Set<String>]
    private let rollouts: Set<RolloutID>?

    /// A gate for the versions that this service knows.
    ///
    /// - Parameters:
    ///   - versions: The known versions of each component that this service serves. Other components are not judged.
    ///   - rollouts: The rollouts that this service asks for decisions, or nil for all of the policy.
    public init(_ versions: [Release.Component: Set<String>], in rollouts: Set<RolloutID>? = nil) {
        self.versions = versions
        self.rollouts = rollouts
    }

    /// Lets the policy through if this service knows what it can route to.
    ///
    /// - Throws: `GateRefusal`.
    public func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {
        let unknown = next.rollouts.sorted { $0.key < $1.key }.flatMap { id, rollout in
            rollouts?.contains(id) ?? true ? self.unknown(in: rollout, id) : []
        }
        if unknown.isEmpty { return }
        let list = unknown.prefix(Self.longestList).joined(separator: ", ")
        let rest = unknown.count > Self.longestList ? ", and \(grouped(unknown.count - Self.longestList)) more" : ""
        let message = "this service does not know \(list)\(rest); it knows \(known)"
        throw GateRefusal("unknownReleases", message, fault: .document)
    }

    private var known: String {
        versions.sorted { $0.key < $1.key }.map { component, versions in
            versions.isEmpty ? "no \(component)" : "\(component) \(alternatives(versions.sorted()))"
        }.joined(separator: ", ")
    }

    private func unknown(in rollout: RolloutDefinition, _ id: RolloutID) -> [String] {
        let allocation = Allocation(rollout)
        return allocation.reachable.flatMap { place in
            let (name, release) = allocation.variants[place]
            return release.versions.sorted { $0.key < $1.key }.compactMap { component, version in
                versions[component]?.contains(version) ?? true ? nil : "\(component) \"\(version)\" of \(id) \(name)"
            }
        }
    }
}
