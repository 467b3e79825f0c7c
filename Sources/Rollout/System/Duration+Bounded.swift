extension Duration {
    /// The duration, or 30,000 years for a longer one, which no clock could add to its time.
    var withinAllClocks: Duration { min(self, .seconds(1_000_000_000_000)) }
}
