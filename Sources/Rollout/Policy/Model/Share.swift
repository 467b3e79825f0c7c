/// A part of all units, exact to one bucket in a million (0.0001 %).
///
/// A share never rounds: text and numbers that are not a whole number of buckets are refused.
public struct Share: Hashable, Sendable, Comparable {
    /// How many of the 1,000,000 buckets the share covers, 0 ... 1,000,000.
    public let buckets: Int

    /// A share of that many buckets, or nil outside 0 ... 1,000,000.
    public init?(buckets: Int) {
        guard 0...Self.bucketCount ~= buckets else { return nil }
        self.buckets = buckets
    }

    /// A share from a percentage, or nil unless it is a multiple of 0.0001 in 0 ... 100.
    ///
    /// A `Double` counts as the multiple whose nearest `Double` it is, so `33.3333` is 333,333 buckets.
    public init?(percent: Double) {
        guard percent >= 0, percent <= 100 else { return nil }
        let nearest = Int(percent * 10_000 + 0.5)
        guard Double(nearest) / 10_000 == percent else { return nil }
        self.buckets = nearest
    }

    /// A share from a percentage in text, read exactly and in JSON's form for numbers, or nil if the text is no share.
    public init?(percentText text: String) {
        guard let number = try? JSONDocument(parsing: Array(text.utf8)).root,
            number.numberText?.utf8.count == text.utf8.count,
            let buckets = number.decimal(scale: 4)
        else { return nil }
        self.init(buckets: buckets)
    }

    /// A share written as a literal percentage; a value that is no share is a programmer's mistake and traps.
    ///
    /// - Precondition: `percent` is a multiple of 0.0001 in 0 ... 100. For run-time values use ``init(percent:)``.
    public static func percent(_ percent: Double) -> Share {
        guard let share = Share(percent: percent) else {
            preconditionFailure("\(percent) % is no share: a multiple of 0.0001 in 0 ... 100 is")
        }
        return share
    }

    /// No unit at all.
    public static let zero = Share(uncheckedBuckets: 0)

    /// Every unit.
    public static let all = Share(uncheckedBuckets: bucketCount)

    /// Orders shares by the buckets they cover.
    public static func < (left: Share, right: Share) -> Bool { left.buckets < right.buckets }

    private init(uncheckedBuckets: Int) { self.buckets = uncheckedBuckets }

    /// The resolution of every allocation: the hash contract's last line.
    @inlinable static var bucketCount: Int { 1_000_000 }
}

extension Share: Codable {
    /// Decodes a share from its percentage, a number or ``percentText``: `25`, `33.3333`, `"33.3333"`.
    ///
    /// Both are exact: a number is the share whose nearest `Double` it is, as in ``init(percent:)``.
    ///
    /// - Throws: `DecodingError` if the percentage is not a multiple of 0.0001 in 0 ... 100.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let share: Share?
        let found: String
        if let text = try? container.decode(String.self) {
            (share, found) = (Share(percentText: text), quoted(text))
        } else {
            let percent = try container.decode(Double.self)
            (share, found) = (Share(percent: percent), "\(percent)")
        }
        guard let share else {
            let message = "expected a percentage, a multiple of 0.0001 in 0 ... 100, found \(found)"
            throw DecodingError.invalid(message, at: decoder.codingPath)
        }
        self = share
    }

    /// Encodes the share as its percentage, a number.
    public func encode(to encoder: any Encoder) throws { try (Double(buckets) / 10_000).encode(to: encoder) }
}

extension Share: CustomStringConvertible {
    /// The share in percent, exact and as short as possible: `25`, `0.0001`, `33.3333`.
    public var percentText: String {
        let (whole, fraction) = buckets.quotientAndRemainder(dividingBy: 10_000)
        guard fraction > 0 else { return String(whole) }
        var digits = String(fraction)
        digits = String(repeating: "0", count: 4 - digits.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(whole).\(digits)"
    }

    /// ``percentText`` with its sign: `25 %`.
    public var description: String { percentText + " %" }
}
