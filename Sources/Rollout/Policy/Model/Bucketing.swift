/// How another system puts units into buckets: a hash of a text that holds the unit.
///
/// A rollout that states the bucketing of the system it comes from keeps every unit where it is.
///
///     let bucketing = Bucketing(.murmur3, of: "checkout:{unit}", buckets: 100)
///
/// The hash gives a number. With ``buckets`` it is reduced to one of them, k, and the unit's bucket is the integer part of
/// k * 1,000,000 / buckets. Without, the whole range of the number is scaled to the 1,000,000 buckets. From there on everything is
/// as with the library's own hash. A share that a few buckets cannot express is rounded up to whole ones.
public struct Bucketing: Hashable, Sendable {
    /// A hash by the name that the policy document gives it.
    public enum Hash: String, Hashable, Sendable, CaseIterable {
        /// MurmurHash3_x86_32.
        case murmur3 = "murmur3-32"
        /// MurmurHash2, 32 bits.
        case murmur2 = "murmur2-32"
        /// CRC-32 of IEEE 802.3.
        case crc32 = "crc-32"
        /// FNV-1a, 32 bits, over bytes or over code units.
        case fnv1a = "fnv1a-32"
        /// FNV-1a of the decimal text of FNV-1a.
        case fnv1aTwice = "fnv1a-32-twice"
        /// The hash of a `String` in Java, xor the seed.
        case java31 = "java-31"
        /// MD5, for compatibility only: it protects nothing.
        case md5
        /// SHA-1, for compatibility only: it protects nothing.
        case sha1 = "sha-1"
        /// SHA-256.
        case sha256 = "sha-256"
        /// No hash: the value of a unit that is the decimal text of an integer of 64 bits. Any other unit is not enrolled.
        case integer
    }

    /// How the text becomes what is hashed.
    public enum Encoding: String, Hashable, Sendable, CaseIterable {
        /// Its bytes.
        case utf8 = "utf-8"
        /// Its UTF-16 code units, each as one step of the hash.
        case utf16 = "utf-16"
        /// Its scalars, each as one step of the hash.
        case utf32 = "utf-32"
        /// The text as one CBOR text string.
        case cbor
        /// A CBOR array of what stands before the unit, and the unit.
        case cborPair = "cbor-pair"
    }

    /// How a number becomes one of the buckets.
    public enum Reduction: String, Hashable, Sendable, CaseIterable {
        /// The remainder of a division by their number.
        case remainder
        /// The range of the number, cut into as many equal parts.
        case scale
    }

    /// The hash.
    public var hash: Hash
    /// How the text becomes what is hashed.
    public var encoding: Encoding
    /// Where a Murmur hash begins, or what is xored to the hash of Java; 0 for all others.
    public var seed: UInt32
    /// How many leading bits of a digest are the number, 1 ... 128; 64 for what is no digest.
    public var bits: Int
    /// Whether a hash of 32 bits is read as a signed number, of which the absolute value counts.
    public var isSigned: Bool
    /// How many buckets the other system has, 1 ... 1,000,000, or nil if it scales the number itself.
    public var buckets: Int?
    /// How the number becomes one of the ``buckets``.
    public var reduction: Reduction

    private var exactText: ExactText

    /// What is hashed, with `{unit}` in the place of the unit; all else is taken literally.
    public var text: String {
        get { exactText.text }
        set { exactText = ExactText(text: newValue) }
    }

    /// A bucketing with the defaults of the policy document.
    ///
    /// A policy is refused if parts of its bucketing do not go together.
    public init(
        _ hash: Hash,
        of text: String = Self.unitAlone,
        encoding: Encoding = .utf8,
        seed: UInt32 = 0,
        bits: Int = Self.standardBits,
        isSigned: Bool = false,
        buckets: Int? = nil,
        reduction: Reduction = .remainder
    ) {
        self.hash = hash
        self.encoding = encoding
        self.seed = seed
        self.bits = bits
        self.isSigned = isSigned
        self.buckets = buckets
        self.reduction = reduction
        exactText = ExactText(text: text)
    }

    /// The text that is the unit and nothing else.
    public static let unitAlone = "{unit}"

    /// How many bits of a digest count if nothing else is said.
    public static let standardBits = 64
}

extension Bucketing {
    /// What stands before the unit in the text, and what after it. A valid text has the unit in one place.
    var parts: (prefix: String, suffix: String) {
        let places = text.unitPlaces
        guard let place = places.first else { return (text, "") }
        let end = text.utf8.index(place, offsetBy: Self.unitAlone.utf8.count)
        return (String(text[..<place]), String(text[end...]))
    }

    /// How many bits the number has.
    var width: Int {
        if hash.isDigest { return bits }
        return isSigned ? 31 : 32
    }
}

extension String {
    /// Where `{unit}` begins, by bytes.
    var unitPlaces: [String.Index] {
        let unit = Bucketing.unitAlone.utf8
        return utf8.indices.filter { utf8[$0...].starts(with: unit) }
    }
}

extension Bucketing.Hash {
    /// Whether some leading bits of the hash are the number.
    var isDigest: Bool { [.md5, .sha1, .sha256].contains(self) }

    /// Whether the hash takes a seed.
    var isSeeded: Bool { [.murmur3, .murmur2, .java31].contains(self) }

    /// Whether the hash can take code units that are no bytes.
    var takesCodeUnits: Bool { [.fnv1a, .fnv1aTwice, .java31].contains(self) }
}

/// The buckets that occur under a bucketing.
///
/// With b cells, cell k is the bucket floor(k * 1,000,000 / b), and no unit has a bucket in between. So a boundary anywhere above
/// one of these buckets, up to the next, cuts the same units off: ``rounded(_:)`` brings it there.
///
/// **Claim:** what is measured between rounded boundaries are the shares that really occur, to the millionth. Because cells have
/// equal chances, and boundary K lies less than one bucket below K / b of them all.
struct BucketGrid: Hashable, Sendable {
    /// How many cells there are, 1 ... 1,000,000.
    let cells: Int

    /// Every bucket occurs: the library's own hash.
    static let own = BucketGrid(cells: Share.bucketCount)

    private init(cells: Int) { self.cells = cells }

    /// The grid of a valid bucketing; nil is the library's own.
    init(_ bucketing: Bucketing?) {
        guard let bucketing else {
            self = .own
            return
        }
        // A number of a few bits has as many values, scaled to all buckets. With 20 bits every bucket occurs.
        let scaled = bucketing.width < 20 ? 1 << max(bucketing.width, 0) : Share.bucketCount
        cells = min(max(bucketing.buckets ?? scaled, 1), Share.bucketCount)
    }

    /// How many cells lie below a bucket.
    func cells(below bucket: Int) -> Int { (bucket * cells + Share.bucketCount - 1) / Share.bucketCount }

    /// How many cells lie in a range of buckets.
    func cells(in buckets: Range<Int>) -> Int { cells(below: buckets.upperBound) - cells(below: buckets.lowerBound) }

    /// The bucket of a cell; for the number of all cells, the number of all buckets.
    func bucket(of cell: Int) -> Int { cell * Share.bucketCount / cells }

    /// The next bucket from this one on that is a cell's, or the end.
    func rounded(_ bucket: Int) -> Int { self.bucket(of: cells(below: bucket)) }

    /// The share that really occurs if this one is asked for.
    func occurring(_ share: Share) -> Share { Share(buckets: rounded(share.buckets)) ?? .all }

    /// The nearest shares that are expressed exactly, the one below and the one above.
    func nearest(to share: Share) -> (below: Share, above: Share) {
        let above = cells(below: share.buckets)
        let isExact = bucket(of: above) == share.buckets
        return (
            Share(buckets: bucket(of: isExact ? above : max(above - 1, 0))) ?? .zero,
            Share(buckets: bucket(of: above)) ?? .all
        )
    }
}

extension RolloutDefinition {
    /// The buckets that occur; a strategy that draws no variants uses the library's own hash.
    var grid: BucketGrid { strategy.draws ? BucketGrid(bucketing) : .own }
}
