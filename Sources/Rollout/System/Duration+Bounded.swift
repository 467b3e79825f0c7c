extension Duration {
    /// The duration, but at most 30,000 years: a clock could not add a longer one to its time.
    var withinAllClocks: Duration { min(self, .seconds(1_000_000_000_000)) }
}
