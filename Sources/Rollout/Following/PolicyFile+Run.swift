extension PolicyFile {
    /// Looks at the file now and after every interval, until the task is cancelled; then it returns.
    ///
    /// Whatever the clock does, a wait ends with one look, so that a clock that jumps ahead leaves nothing to catch up with.
    ///
    /// - Throws: What the clock throws, unless that is because the task is cancelled.
    public func run() async throws {
        while !Task.isCancelled {
            await pollThroughGates()
            do {
                try await clock.sleep(for: interval)
            } catch {
                guard Task.isCancelled else { throw error }
            }
        }
    }
}
