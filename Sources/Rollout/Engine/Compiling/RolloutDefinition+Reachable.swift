extension RolloutDefinition {
    /// The variants that some request can get, or have its copy sent to; the first one first.
    var reachableVariants: [(name: VariantName, release: Release)] {
        let variants = strategy.variants
        let owned = strategy.ownedBuckets
        let named = Set(hosts.values).union(forced.values)
        return variants.enumerated().filter { index, variant in
            if index == 0 { return true }
            if disabled.contains(variant.name) { return false }
            if case .shadow(let share, _, _) = strategy { return share > .zero && !draining.contains(variant.name) }
            return owned[variant.name, default: 0] > 0 || draining.contains(variant.name)
                || named.contains(variant.name)
        }.map(\.element)
    }
}
