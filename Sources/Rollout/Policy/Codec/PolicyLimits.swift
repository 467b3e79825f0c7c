/// The limits of a policy document. They are part of its contract: other programs write documents.
package enum PolicyLimits {
    package static let documentBytes = 16 << 20
    static let depth = 32
    /// The most problems that are listed.
    static let problems = 100_000
    static let rollouts = 10_000
    static let variants = 256
    static let forcedUnits = 100_000
    static let hosts = 1_000
    static let ranges = 1_024
    /// Salt, environment, forced units, hosts.
    static let textBytes = 1_024
    static let versionLength = 128
    package static let weights = 0...1_000_000
    static let buckets = 1...1_000_000
    static let enrolmentDraws = 4
    static let enrolmentRanges = 64
    static let digestBits = 1...128
    /// Of buckets below this many, each has several units of any service, which a count of units could not tell apart.
    static let bucketsToCountUnits = 100_000
    static let maxAge = 60...34_560_000
    static let steps = 1...32
    static let percentiles = 8
    static let interval = 1...3_600
    static let settle = 0...86_400
    static let dwell = 0...604_800
    static let deadline = 34_560_000
    /// Name and value of a cookie together.
    static let cookieBytes = 4_096
    /// A token in base64url.
    static let tokenLength = 56
}
