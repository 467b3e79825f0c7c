#if canImport(Glibc)
    private import Glibc
#elseif canImport(Musl)
    private import Musl
#elseif canImport(Darwin)
    private import Darwin
#endif

/// A moment on the wall clock, in whole seconds since 1970-01-01T00:00:00Z.
///
///     SessionRequest(unit: user, host: host, cookies: cookies)                       // in a service: the clock's time
///     SessionRequest(unit: user, host: host, cookies: cookies, now: 1_800_000_000)   // in a test
///
/// Every `Int64` is a time.
public struct UnixTime: Hashable, Sendable, Comparable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    /// Seconds since 1970; negative before.
    public let seconds: Int64

    /// A time from seconds since 1970.
    public init(seconds: Int64) { self.seconds = seconds }

    /// A time from the duration since 1970, rounded down to a whole second.
    ///
    /// Rounding down keeps the order of times: half a second before 1970 is -1. A duration of more seconds than an `Int64`
    /// holds becomes the first or the last time.
    public init(_ sinceEpoch: Duration) {
        // `components` traps outside these bounds.
        let bounded = min(max(sinceEpoch, .seconds(Int64.min)), .seconds(Int64.max))
        let (seconds, attoseconds) = bounded.components
        self.seconds = attoseconds < 0 ? seconds - 1 : seconds
    }

    /// A time written in source, in seconds since 1970.
    public init(integerLiteral seconds: Int64) { self.seconds = seconds }

    /// The time by the system's clock. Reads the clock once and allocates nothing.
    public static var now: UnixTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UnixTime(seconds: Int64(time.tv_sec))
    }

    /// Orders times from earlier to later.
    public static func < (left: UnixTime, right: UnixTime) -> Bool { left.seconds < right.seconds }

    /// The seconds, in decimal digits.
    public var description: String { String(seconds) }
}

extension UnixTime: Codable {
    /// Decodes a time from a number: seconds since 1970.
    public init(from decoder: any Decoder) throws {
        seconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    /// Encodes the time as a number: seconds since 1970.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(seconds)
    }
}
