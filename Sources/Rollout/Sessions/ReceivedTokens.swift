/// The tokens of a request, in their order: at most four, on the stack.
///
/// More cookies of one name are none that a browser sends in earnest, and each may cost two signatures.
struct ReceivedTokens {
    /// One cookie of our name.
    struct Entry {
        /// The payload, believed where `loss` is nil or leaves the bucket.
        var token: StickyToken
        /// Whether the tag was made for the request's unit; otherwise it was made for no unit.
        var isBoundToUnit: Bool
        /// Why it has lost already, before any policy is asked.
        var loss: TokenLoss?

        /// An assignment that needs no token, because the service itself remembers it.
        init(_ assignment: Assignment) {
            token = StickyToken(
                key: 0,
                variant: assignment.tag,
                bucket: assignment.bucketField,
                epoch: assignment.epoch,
                revision: assignment.revision,
                issued: 0,
                expires: 0
            )
            isBoundToUnit = true
            loss = nil
        }

        init(token: StickyToken, isBoundToUnit: Bool, loss: TokenLoss?) {
            self.token = token
            self.isBoundToUnit = isBoundToUnit
            self.loss = loss
        }

        /// A cookie that is worth nothing.
        static func refused(_ loss: TokenLoss) -> Entry {
            let token = StickyToken(
                key: 0,
                variant: .notEnrolled,
                bucket: Outcome.absent,
                epoch: 0,
                revision: 0,
                issued: 0,
                expires: 0
            )
            return Entry(token: token, isBoundToUnit: false, loss: loss)
        }
    }

    static let limit = 4

    private(set) var count = 0
    private var entries: (Entry?, Entry?, Entry?, Entry?) = (nil, nil, nil, nil)

    var isFull: Bool { count == Self.limit }

    subscript(index: Int) -> Entry? {
        switch index {
        case 0: entries.0
        case 1: entries.1
        case 2: entries.2
        default: entries.3
        }
    }

    /// Adds an entry; no effect on a full list.
    mutating func append(_ entry: Entry) {
        switch count {
        case 0: entries.0 = entry
        case 1: entries.1 = entry
        case 2: entries.2 = entry
        case 3: entries.3 = entry
        default: return
        }
        count += 1
    }
}
