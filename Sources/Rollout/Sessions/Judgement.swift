/// The tokens of a request, in their order: at most four, on the stack.
///
/// No honest browser sends more cookies of one name, and each may cost two signatures.
struct ReceivedTokens {
    /// One cookie of our name.
    struct Entry {
        /// The payload, to be believed if `loss` is nil or leaves the bucket.
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

/// What one policy makes of a request and its tokens.
struct Judgement {
    var decision: Decision
    /// The token that is valid, if there is one and no other contradicts it.
    var held: ReceivedTokens.Entry?
    var verdict: TokenVerdict
    /// How many tokens have lost, by cause.
    var losses = LossTally()
    /// Whether some token is of a later policy than this one, and therefore not to be replaced.
    var isBehind: Bool
}

/// What the tokens of a request come to, before the engine is asked.
struct WeighedTokens {
    /// What the engine is given.
    let assignment: Assignment?
    let held: ReceivedTokens.Entry?
    let verdict: TokenVerdict
    let losses: LossTally
    let isBehind: Bool
}

extension RolloutRecord {
    /// Judges an assignment that did not come in a token, and decides by what it leaves.
    func judge(_ assignment: Assignment?, for request: RequestBytes) -> Judgement {
        var tokens = ReceivedTokens()
        if let assignment, honoursAssignments { tokens.append(ReceivedTokens.Entry(assignment)) }
        return judge(tokens, for: request)
    }

    /// Judges the tokens, and decides by what they leave.
    func judge(_ tokens: ReceivedTokens, for request: RequestBytes) -> Judgement {
        let weighed = weigh(tokens)
        return Judgement(
            decision: decision(for: request, holding: weighed.assignment),
            held: weighed.held,
            verdict: weighed.verdict,
            losses: weighed.losses,
            isBehind: weighed.isBehind
        )
    }

    /// What the tokens come to before the engine is asked.
    ///
    /// | of the tokens that come through tag and clock | the engine is given |
    /// | --- | --- |
    /// | one is of a newer epoch | that one: it answers `stale` |
    /// | one, or several that agree, are valid | that assignment |
    /// | valid ones disagree | nothing |
    /// | all have lost, or there is none | the bucket of the first that leaves one |
    @inline(__always)
    func weigh(_ tokens: ReceivedTokens) -> WeighedTokens {
        var newer: ReceivedTokens.Entry?
        var held: ReceivedTokens.Entry?
        var spare: Assignment?
        var isContradicted = false
        var isBehind = false
        var losses = LossTally()
        let revision = UInt32(truncatingIfNeeded: origin)
        for index in 0..<tokens.count {
            guard let entry = tokens[index] else { break }
            let (standing, loss) = standing(of: entry)
            if let loss {
                losses.count(loss)
                // An invitation has no bucket to leave.
                let rest = Assignment(onlyBucket: entry.token.bucket)
                if loss.leavesBucket, spare == nil, rest.bucket != nil { spare = rest }
            } else if standing == .newer {
                newer = newer ?? entry
            } else if let first = held {
                isContradicted = isContradicted || !first.token.agrees(with: entry.token)
            } else {
                held = entry
            }
            if loss == nil || loss == .variantGone || loss == .outlived {
                isBehind = isBehind || entry.token.revision > revision
            }
        }
        if isContradicted {
            losses.count(.contradicted)
            held = nil
            spare = nil
        }
        let verdict: TokenVerdict =
            newer != nil ? .newerEpoch : held != nil ? .valid : losses.furthest.map { .lost($0) } ?? .absent
        return WeighedTokens(
            assignment: newer?.token.assignment ?? held?.token.assignment ?? spare,
            held: held,
            verdict: verdict,
            losses: losses,
            isBehind: isBehind
        )
    }

    /// How a token stands before this policy, and why it has lost, if it has.
    @inline(__always)
    func standing(of entry: ReceivedTokens.Entry) -> (Standing, TokenLoss?) {
        let standing = entry.loss == nil ? standing(of: entry.token.assignment) : .current
        return (standing, entry.loss ?? standing.loss)
    }
}

extension RolloutRecord.Standing {
    fileprivate var loss: TokenLoss? {
        switch self {
        case .current, .newer: nil
        case .older: .olderEpoch
        case .gone: .variantGone
        }
    }
}

extension StickyToken {
    /// Whether both say the same of the visitor.
    func agrees(with other: StickyToken) -> Bool { variant == other.variant && bucket == other.bucket }
}
