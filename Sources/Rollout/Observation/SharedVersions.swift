/// What was folded of variants while other rows of theirs have the same version of a component.
///
/// A page that shows a component has one series for all releases of a variant that agree in it. None of its counts may fall
/// when one of them is folded, or Prometheus would take that for a restart, and all that is left for new. So there such a page
/// shows what was folded, and not in the remainder, until the last of these rows is folded: then the series ends.
struct SharedVersions<Counts> {
    /// A version of a variant's component.
    struct Version: Hashable {
        let rollout: RolloutID
        let variant: VariantName
        let component: Release.Component
        let version: String

        /// The version alone, as a release.
        var release: Release { Release([component: version]) }
    }

    private(set) var counts: [Version: Counts] = [:]

    /// Adds what a variant had when it was folded.
    ///
    /// - Parameters:
    ///   - folded: The variant.
    ///   - rows: The variants that have a row from now on.
    ///   - nothing: Counts of nothing.
    ///   - add: Adds what the variant had.
    mutating func fold(
        _ folded: VariantNumber,
        besides rows: some Sequence<VariantNumber>,
        into nothing: Counts,
        _ add: (inout Counts) -> Void
    ) {
        let record = VariantRegistry.shared[folded]
        let relatives = rows.lazy.map { VariantRegistry.shared[$0] }
            .filter { $0.rollout == record.rollout && $0.name == record.name }.map(\.release)
        for (component, version) in record.release.versions {
            let shared = Version(
                rollout: record.rollout,
                variant: record.name,
                component: component,
                version: version
            )
            if relatives.contains(where: { $0[component] == version }) {
                add(&counts[shared, default: nothing])
            } else {
                counts[shared] = nil
            }
        }
    }
}
