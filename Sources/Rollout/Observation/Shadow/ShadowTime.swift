/// The time of a runner, in nanoseconds: a word, so that it can be compared and exchanged.
struct ShadowTime: Sendable {
    /// What time it is.
    let now: @Sendable () -> Int64
    /// Returns when so many nanoseconds have passed.
    let sleep: @Sendable (Int64) async throws -> Void

    /// The time by the system's monotonic clock.
    static let system = ShadowTime(
        now: { MonotonicClock.nanoseconds },
        sleep: { try await ContinuousClock().sleep(for: .nanoseconds($0)) }
    )

    /// The time by a clock, from now on.
    static func by<C: Clock<Duration>>(_ clock: C) -> ShadowTime {
        let start = clock.now
        return ShadowTime(
            now: { max(nanoseconds(start.duration(to: clock.now)), 0) },
            sleep: { try await clock.sleep(for: .nanoseconds($0)) }
        )
    }

    /// A duration in nanoseconds; one of more than three hundred years counts as that.
    static func nanoseconds(_ duration: Duration) -> Int64 { Int64(clamping: duration.attoseconds / 1_000_000_000) }

    /// So much later than a time, or as late as there is.
    static func later(_ time: Int64, by nanoseconds: Int64) -> Int64 {
        let (sum, overflow) = time.addingReportingOverflow(nanoseconds)
        return overflow ? .max : sum
    }
}
