extension Collection {
    /// Of the rollouts of a policy those whose variants are shown though nothing was counted of them: all, or if they have more
    /// than 1,000 variants together, those of which something was counted.
    ///
    /// A count that is not there before it is 1 is a count whose first step `rate()` misses, and with it the first failure of a
    /// canary.
    func shown(variants: (Element) -> Int, isCounted: (Element) -> Bool) -> [Element] {
        reduce(0) { $0 + variants($1) } <= shownVariantLimit ? Array(self) : filter(isCounted)
    }
}

private let shownVariantLimit = 1_000
