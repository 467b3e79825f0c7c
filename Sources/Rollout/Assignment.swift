/// What a visitor's cookie, or a service's own store, remembers of an earlier decision.
///
/// An assignment is believed: verify what comes from outside before you make one.
public struct Assignment: Hashable, Sendable {
    /// The variant, or "not enrolled".
    let tag: VariantTag
    /// The bucket, or `Outcome.absent`, or the bucket of an invitation.
    let bucketField: UInt32
    /// The rollout's epoch when the assignment was made.
    public let epoch: UInt32
    /// The policy's revision when the assignment was made.
    public let revision: UInt32

    /// Whether it can pin a variant or a bucket; otherwise it only supplies the bucket of an anonymous visitor.
    ///
    /// Only the library makes assignments that do not bind, and it hands none of them out.
    let isBinding: Bool

    /// The bucket of the visitor, 0 ..< 1,000,000, or nil if none was drawn.
    public var bucket: Int? { bucketField < UInt32(Share.bucketCount) ? Int(bucketField) : nil }

    /// Whether it is an invitation: it holds its variant under either pin, even if the variant has no share.
    public var isInvitation: Bool { bucketField == Self.invitationBucket }

    /// What stands in the place of the bucket in an invitation. Tokens spell it so, which is a contract.
    static let invitationBucket = UInt32.max

    /// An assignment to a variant, or, without a variant, one that only keeps the bucket of a visitor who is not enrolled.
    ///
    /// Hashes the names with SHA-256, which takes microseconds: make the assignment where you store it, or keep it.
    ///
    /// - Returns: Nil if the bucket is outside 0 ..< 1,000,000, or the variant's name is one that no policy can have in
    ///   that rollout, because its tag is the one that means "not enrolled".
    public init?(variant: VariantName?, of rollout: RolloutID, bucket: Int?, epoch: UInt32, revision: UInt32) {
        if let bucket, !(0..<Share.bucketCount ~= bucket) { return nil }
        let tag = variant.map { VariantTag($0, in: rollout) }
        if tag == .notEnrolled { return nil }
        self.init(
            tag: tag ?? .notEnrolled,
            bucketField: bucket.map(UInt32.init) ?? Outcome.absent,
            epoch: epoch,
            revision: revision
        )
    }

    /// What a verified token says.
    init(tag: VariantTag, bucketField: UInt32, epoch: UInt32, revision: UInt32) {
        self.tag = tag
        let isBucket = bucketField < UInt32(Share.bucketCount)
        let isField = isBucket || bucketField == Self.invitationBucket && tag != .notEnrolled
        self.bucketField = isField ? bucketField : Outcome.absent
        self.epoch = epoch
        self.revision = revision
        self.isBinding = true
    }

    /// An assignment that only supplies a bucket: one freshly drawn, or that of a token that has lost. It is of no epoch,
    /// so that none is too new for it.
    init(onlyBucket bucketField: UInt32) {
        self.tag = .notEnrolled
        self.bucketField = bucketField < UInt32(Share.bucketCount) ? bucketField : Outcome.absent
        self.epoch = 0
        self.revision = 0
        self.isBinding = false
    }

    /// What to remember of a decision, or nil if neither a draw nor an assignment led to it. O(1).
    public init?(remembering decision: Decision) {
        guard decision.bucket != nil || decision.reason == .sticky else { return nil }
        let isEnrolled = decision.reason != .notEnrolled
        self.init(
            tag: isEnrolled ? VariantRegistry.shared.tag(decision.variant.number) : .notEnrolled,
            bucketField: decision.bucket.map(UInt32.init) ?? Outcome.absent,
            epoch: decision.epoch,
            revision: decision.revision
        )
    }
}

extension Assignment: Codable {
    private enum CodingKeys: CodingKey { case variant, bucket, epoch, revision }

    /// Decodes an assignment from what ``encode(to:)`` writes: all four keys must be there.
    ///
    /// Whether a policy still has the variant is judged when the assignment is used.
    ///
    /// - Throws: `DecodingError` if a key is missing, or a number is outside its range.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let variant = try container.number(1...UInt32.max, orNullFor: .variant)
        self.init(
            tag: variant.map(VariantTag.init(rawValue:)) ?? .notEnrolled,
            bucketField: try container.bucketField(for: .bucket),
            epoch: try container.number(0...UInt32.max, for: .epoch),
            revision: try container.number(0...UInt32.max, for: .revision)
        )
    }

    /// Encodes the assignment as an object: `{"variant":2718281828,"bucket":31337,"epoch":3,"revision":7}`.
    ///
    /// `variant` is a number that stands for the rollout and the variant's name, as in a token: the first four bytes of
    /// SHA-256(rollout id, one 0 byte, variant name), big-endian. It is null for a visitor who is not enrolled. `bucket`
    /// is null if none was drawn, and 4294967295 in an invitation.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(tag == .notEnrolled ? nil : tag.rawValue, forKey: .variant)
        try container.encode(isInvitation ? Int64(bucketField) : bucket.map(Int64.init), forKey: .bucket)
        try container.encode(epoch, forKey: .epoch)
        try container.encode(revision, forKey: .revision)
    }
}

extension KeyedDecodingContainer {
    /// A number in a range, or nil for null; a missing key is an error.
    fileprivate func number(_ range: ClosedRange<UInt32>, orNullFor key: Key) throws -> UInt32? {
        try decodeNil(forKey: key) ? nil : number(range, for: key, alternative: "null or ")
    }

    /// A bucket, null for none, or what stands for an invitation; a missing key is an error.
    fileprivate func bucketField(for key: Key) throws -> UInt32 {
        if try decodeNil(forKey: key) { return Outcome.absent }
        let invitation = Assignment.invitationBucket
        if try decode(Int64.self, forKey: key) == Int64(invitation) { return invitation }
        let alternative = "null, \(invitation) or "
        return try number(0...UInt32(Share.bucketCount - 1), for: key, alternative: alternative)
    }

    /// A number in a range; a missing key is an error.
    fileprivate func number(
        _ range: ClosedRange<UInt32>,
        for key: Key,
        alternative: String = ""
    ) throws -> UInt32 {
        let number = try decode(Int64.self, forKey: key)
        guard let value = UInt32(exactly: number), range ~= value else {
            let message = "expected \(alternative)\(range.lowerBound) ... \(range.upperBound), found \(number)"
            throw DecodingError.invalid(message, at: codingPath + [key])
        }
        return value
    }
}
