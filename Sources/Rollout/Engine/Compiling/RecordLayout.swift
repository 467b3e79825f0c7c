/// Where things are in the words of a compiled policy.
///
/// The words begin with the records, one for each seat of the router. The tables and further draws that records refer to
/// follow. A record takes two cache lines. The first one holds the record's own draw and is all that a plain decision reads;
/// the second one serves rules, assignments and missing units.
///
///     0  marks         wide draw, hosts, forced units: which of them exist
///     1  salt          `Bucketing.saltHash`
///     2  origin        revision | epoch << 32
///     3  bounds        three packed bounds (`NarrowDraw`)
///     4  outcomes      four, in descending order
///     8  missing       outcome for a request without a unit
///     9  stale         outcome for an assignment of a newer epoch
///    10  hosts         `TextTable`
///    11  forced        `TextTable`
///    12  assignments   `TagTable` of what an assignment may hold | `AssignmentRules` << 48
///    13  filter        `TextFilter` of the units that a key does not decide, or the `EnrolmentGate`
///    14  cookie        `CookieReference`
///    15  adoptions     `TagTable`: what a decision of another service may name
///
/// A further draw, to which an outcome or a record refers, looks like the first line of a record. In place of the origin it has
/// the offset of its `StatedFunction`, or 0 if it draws by the library's own hash.
@usableFromInline
enum RecordLayout {
    /// The words of a record.
    static let size = 16

    @inlinable static var marks: Int { 0 }
    @inlinable static var salt: Int { 1 }
    @inlinable static var origin: Int { 2 }
    /// In a further draw.
    static let function = 2
    @inlinable static var bounds: Int { 3 }
    @inlinable static var outcomes: Int { 4 }
    static let missing = 8
    static let stale = 9
    static let hosts = 10
    static let forced = 11
    static let assignments = 12
    @inlinable static var filter: Int { 13 }
    static let cookie = 14
    static let adoptions = 15

    /// The words of a draw by itself.
    static let drawSize = 8
}

/// Which parts a record has beyond a narrow draw. If its draw is wide, the upper half is the draw's offset, and bits 16 ... 31
/// are the number of its segments.
///
/// Units of a record whose draw is stated are drawn by a further draw, at the offset in the upper half. Such a record is wide
/// and filtered, so that whoever decides by a unit's key alone leaves it to others.
@usableFromInline
struct RecordMarks: OptionSet, Sendable {
    @usableFromInline let rawValue: UInt64

    @inlinable
    init(rawValue: UInt64) { self.rawValue = rawValue }

    @inlinable static var wide: RecordMarks { RecordMarks(rawValue: 1) }
    static let hosts = RecordMarks(rawValue: 2)
    /// A unit's key is held against the filter, and decides only if it does not pass.
    @inlinable static var filtered: RecordMarks { RecordMarks(rawValue: 4) }
    static let forced = RecordMarks(rawValue: 8)
    static let stated = RecordMarks(rawValue: 16)
    /// Units of the record must pass the draws of an enrolment first. They begin behind the ``EnrolmentGate``.
    static let enrolled = RecordMarks(rawValue: 32)
    /// The ``EnrolmentGate`` says who passes, the rollout's own draw is narrow, and no unit is forced.
    @inlinable static var gated: RecordMarks { RecordMarks(rawValue: 64) }
    /// A unit is drawn by a stated hash, and its own hash has no say before: no enrolment comes first.
    static let keyless = RecordMarks(rawValue: 128)

    /// Whether a unit's hash and this record are enough to decide, if the request brings neither host nor assignment.
    @inlinable
    @inline(__always)
    var isPlain: Bool { rawValue & (RecordMarks.wide.rawValue | RecordMarks.filtered.rawValue) == 0 }

    /// Whether the record's own draw is all there is, and a narrow one.
    @inline(__always)
    var isNarrow: Bool { rawValue & (RecordMarks.wide.rawValue | RecordMarks.enrolled.rawValue) == 0 }

    /// The marks of a record whose draw is wide.
    static func wide(at offset: Int, segments: Int) -> RecordMarks {
        RecordMarks(rawValue: wide.rawValue | UInt64(segments) << 16 | UInt64(offset) << 32)
    }

    /// The marks of a record whose units are drawn by a further draw.
    static func stated(at offset: Int) -> RecordMarks {
        RecordMarks(rawValue: UInt64(offset) << 32).union([.wide, .filtered, .stated])
    }

    /// How many segments the wide draw has.
    var segmentCount: Int { Int(truncatingIfNeeded: rawValue >> 16 & 0xFFFF) }

    /// The offset of the wide draw, or of the further one.
    @inlinable
    @inline(__always)
    var wideOffset: Int { Int(truncatingIfNeeded: rawValue >> 32) }
}

/// How a record honours assignments. Lies in the upper bits of the word that refers to the table of assignments.
struct AssignmentRules: OptionSet, Sendable {
    let rawValue: UInt64

    private static let shift: UInt64 = 48

    init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The rules in a record's word.
    @inline(__always)
    init(of word: UInt64) { rawValue = word >> Self.shift }

    /// The rules as bits of a record's word.
    var word: UInt64 { rawValue << Self.shift }

    /// The strategy draws, so that an assignment means something.
    static let honoured = AssignmentRules(rawValue: 1)
    /// `pin` is `bucket`.
    static let pinsBucket = AssignmentRules(rawValue: 2)
    /// `missingUnit` is `assign`.
    static let assignsMissing = AssignmentRules(rawValue: 4)
}
