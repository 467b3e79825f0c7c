/// A unit really got a variant: what a sink is given.
///
/// An exposure is a value of 40 bytes. It may be kept and sent anywhere.
public struct Exposure: Hashable, Sendable {
    /// Who got the variant.
    public let unit: UnitID
    /// What they got and why: rollout, variant, release, reason, bucket, revision, epoch.
    public let decision: Decision
    /// When, as the service said it.
    public let time: UnixTime
}

extension Exposure {
    /// The exposure as canonical JSON on one line, for logs and tables.
    ///
    /// An object with the keys `time` (seconds since 1970), `unit`, `rollout`, `variant`, `release` (an object of versions),
    /// `reason`, `bucket` (null if there was none), `revision` and `epoch`, all of them always there.
    public var json: String { tree.canonicalText }

    private var tree: JSONTree {
        .object([
            ("time", .integer(Int(time.seconds))),
            ("unit", .string(unit.text)),
            ("rollout", .string(decision.variant.rollout.text)),
            ("variant", .string(decision.variant.name.text)),
            ("release", PolicyWriter.tree(of: decision.variant.release)),
            ("reason", .string(decision.reason.description)),
            ("bucket", decision.bucket.map { .integer($0) } ?? .null),
            ("revision", .integer(Int(decision.revision))),
            ("epoch", .integer(Int(decision.epoch))),
        ])
    }
}

extension Exposure: Encodable {
    /// Encodes the exposure with the keys and values that ``json`` has.
    public func encode(to encoder: any Encoder) throws { try tree.encode(to: encoder) }
}

extension Exposure: CustomStringConvertible {
    /// The exposure in a few words: `alice got canary (app v2) by split, bucket 31337, revision 7`.
    public var description: String { "\(unit) got \(decision)" }
}
