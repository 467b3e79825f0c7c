import Synchronization

/// What a session router has seen so far, as a value: for a status page or metrics.
public struct SessionCounts: Hashable, Sendable {
    private let losses: [TokenLoss: Int]
    private let taints: [DecisionTaint: Int]
    private let obstacles: [CookieObstacle: Int]

    /// Requests answered `stale`, because their token was of a newer epoch than this replica's policy.
    public let stale: Int
    /// `Set-Cookie` headers written for visitors who were drawn or logged in.
    public let written: Int
    /// Invitations written.
    public let invited: Int
    /// Decisions of other services that were adopted.
    public let adopted: Int

    fileprivate init(
        losses: [TokenLoss: Int],
        taints: [DecisionTaint: Int],
        obstacles: [CookieObstacle: Int],
        stale: Int,
        written: Int,
        invited: Int,
        adopted: Int
    ) {
        self.losses = losses
        self.taints = taints
        self.obstacles = obstacles
        self.stale = stale
        self.written = written
        self.invited = invited
        self.adopted = adopted
    }

    /// Tokens that were not honoured for this cause. Tokens that contradict each other count once a request.
    public func lost(_ cause: TokenLoss) -> Int { losses[cause, default: 0] }

    /// Tokens that were not honoured.
    public var lost: Int { losses.values.reduce(0, +) }

    /// Cookies that were due and could not be written for this cause.
    public func unwritten(_ cause: CookieObstacle) -> Int { obstacles[cause, default: 0] }

    /// Cookies that were due and could not be written.
    public var unwritten: Int { obstacles.values.reduce(0, +) }

    /// Decisions of other services that were not adopted for this cause.
    public func tainted(_ cause: DecisionTaint) -> Int { taints[cause, default: 0] }

    /// Decisions of other services that were not adopted.
    public var tainted: Int { taints.values.reduce(0, +) }
}

/// The counters behind ``SessionCounts``. A request whose token is valid touches none of them.
///
/// Relaxed, because a count orders nothing else. Unchecked, because of the pointer, which never changes and is owned by
/// this object.
@safe final class SessionCounters: @unchecked Sendable {
    private static let stale = 0
    private static let written = 1
    private static let invited = 2
    private static let adopted = 3
    private static let losses = 4
    private static let taints = losses + TokenLoss.allCases.count
    private static let obstacles = taints + DecisionTaint.allCases.count
    private static let total = obstacles + CookieObstacle.allCases.count

    private let counters: UnsafeMutablePointer<Atomic<Int>>

    init() {
        unsafe counters = .allocate(capacity: Self.total)
        for index in 0..<Self.total { unsafe (counters + index).initialize(to: Atomic(0)) }
    }

    deinit { unsafe counters.deallocate() }

    /// Counts the tokens that have lost, and an answer that is stale.
    @inline(__always)
    func count(_ judgement: Judgement) {
        if !judgement.losses.isEmpty { count(judgement.losses) }
        if judgement.decision.reason == .stale { add(1, at: Self.stale) }
    }

    /// Counts a cookie that was due.
    @inline(__always)
    func count(_ writing: CookieWriting) { count(writing, writtenAt: Self.written) }

    /// Counts an invitation.
    func count(invitation: CookieWriting) { count(invitation, writtenAt: Self.invited) }

    @inline(__always)
    private func count(_ writing: CookieWriting, writtenAt index: Int) {
        switch writing {
        case .notDue: break
        case .written: add(1, at: index)
        case .prevented(let obstacle): add(1, at: Self.obstacles + Int(obstacle.cause.rawValue))
        }
    }

    private func count(_ tally: LossTally) {
        for loss in TokenLoss.allCases where tally[loss] > 0 {
            add(tally[loss], at: Self.losses + Int(loss.cause.rawValue))
        }
    }

    func countAdopted() { add(1, at: Self.adopted) }

    func count(_ taint: DecisionTaint) { add(1, at: Self.taints + Int(taint.cause.rawValue)) }

    var counts: SessionCounts {
        SessionCounts(
            losses: counts(of: TokenLoss.allCases, from: Self.losses),
            taints: counts(of: DecisionTaint.allCases, from: Self.taints),
            obstacles: counts(of: CookieObstacle.allCases, from: Self.obstacles),
            stale: self[Self.stale],
            written: self[Self.written],
            invited: self[Self.invited],
            adopted: self[Self.adopted]
        )
    }

    private func counts<Cause: Hashable>(of causes: [Cause], from start: Int) -> [Cause: Int] {
        Dictionary(uniqueKeysWithValues: zip(causes, start...).map { ($0, self[$1]) })
    }

    private subscript(index: Int) -> Int { unsafe counters[index].load(ordering: .relaxed) }

    private func add(_ count: Int, at index: Int) { unsafe counters[index].add(count, ordering: .relaxed) }
}
