#if canImport(Glibc)
    private import Glibc
#elseif canImport(Musl)
    private import Musl
#elseif canImport(Darwin)
    private import Darwin
#endif

/// The system's clock that nobody sets.
///
/// `ContinuousClock` reads the same time, and takes longer to make a duration of it than to read it.
enum MonotonicClock {
    /// Nanoseconds since some moment in the past.
    @inline(__always)
    static var nanoseconds: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
