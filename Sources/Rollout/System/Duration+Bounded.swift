extension Duration {
    /// The duration, but at most 30,000 years: a clock could not add a longer one to its time.
    var withinAllClocks: Duration { min(self, .seconds(1_000_000_000_000)) }

    /// The duration as a rest between two looks at what others may change: at least 10 milliseconds, so that nothing spins.
    var asInterval: Duration { max(self, .milliseconds(10)).withinAllClocks }
}
