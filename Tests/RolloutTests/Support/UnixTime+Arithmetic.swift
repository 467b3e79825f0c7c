import Rollout

/// Times some seconds apart, for tables of tests.
extension UnixTime {
    static func + (time: UnixTime, seconds: Int64) -> UnixTime { UnixTime(seconds: time.seconds + seconds) }

    static func - (time: UnixTime, seconds: Int64) -> UnixTime { time + -seconds }
}
