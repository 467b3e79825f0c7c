import Testing

extension Tag {
    /// Judges random samples; the seeds are fixed, so a verdict is the same every time.
    @Tag static var statistical: Self
    /// Runs several threads against each other.
    @Tag static var concurrency: Self
}
