/// The state machine that brings policies from a source to an updater: what is known, and what is to be done next.
///
///     asking     due --> busy --- a revision above all before ------------------------------> due
///                 ^        |---- the same as before, an older policy, no policy --> rests ----'
///                 |        |---- an error --------------------------> rests, longer each time '
///                 |        '---- the end --> idle
///
///     offering   due --> busy --- it runs, or is older than what runs --> idle
///                 ^        |---- a gate, the time, another change ---> rests, longer each time --> due
///                 |        '---- it must not run ---> barred, until another revision runs -------> due
///                 '--- a newer policy comes: at once, wherever this one is. One at the gates is let go on, unless the
///                      newer one only takes away.
///
///     saving     due --> busy --- the disk has it --> idle
///                 ^        '---- an error --> rests, longer each time --> due
///                 '--- a newer policy runs: at once
///
/// It does nothing itself. ``turn(running:)`` says what to begin and what to report, and whoever did it notes what came
/// of it: ``answered(_:)``, ``judged(_:over:_:)``, ``saved(_:_:)``, ``rested(_:_:)``. So
///
/// 1. each of the three does one thing at a time, because only a turn makes one busy, and only its own note ends that;
/// 2. a content is validated once and reported once, because an answer is compared with what the source had before, what is
///    offered again was read from JSON, and a refusal is compared with those that are ``known``;
/// 3. nothing is lost and nothing spins: unless it is idle or barred, each of the three is due, under way or rests, and it
///    becomes due without a rest only for something new: a higher revision of the source, or another one that runs.
struct FollowerState: Sendable {
    private enum Phase: Equatable {
        case idle, due, busy
        /// To rest for that long, from the next turn on.
        case tired(Duration)
        /// Rests, until the rest of that number is over.
        case resting(Int)
        /// The policy must not run while this revision runs.
        case barred(under: UInt32)
    }

    /// How the policy of the source stands to the running one.
    private enum Standing { case good, ignored, bad }

    private let interval: Duration
    private let savesCopies: Bool
    private var events: [PolicyFollower.Event] = []
    private var restCount = 0

    private var asking = Phase.due
    private var failedAsks = 0
    /// What the source had last.
    private var seen: PolicyContent.Identity?
    private var highestRevision: UInt32?
    /// Why the source cannot be asked at present, or nil if it can.
    private var outage: UpdateError?
    private var hasEnteredFailure = false

    private var offering = Phase.idle
    private var failedOffers = 0
    /// The newest policy that is not settled yet.
    private(set) var newest: PolicyContent?
    private var known = KnownRefusals()
    private var mustInterrupt = false
    private var standing = Standing.good
    /// What is wrong with what the source has, or nil if nothing is.
    private var flaw: UpdateError?

    private var saving = Phase.idle
    private var failedSaves = 0
    private var unsaved: PolicyContent?
    /// The revision that is saved or waits to be saved.
    private var savedRevision: UInt32?

    private subscript(lane: Lane) -> Phase {
        get {
            switch lane {
            case .asking: asking
            case .offering: offering
            case .saving: saving
            }
        }
        set {
            switch lane {
            case .asking: asking = newValue
            case .offering: offering = newValue
            case .saving: saving = newValue
            }
        }
    }

    init(every interval: Duration, savesCopies: Bool) {
        self.interval = interval
        self.savesCopies = savesCopies
    }

    // MARK: What to do

    var isAsking: Bool { asking == .busy }
    var hasEnded: Bool { asking == .idle }
    /// Whether the source answered when it was last asked.
    var isUp: Bool { outage == nil && seen != nil }
    /// Whether the source last had something that is not taken in, or nothing.
    var differs: Bool { standing != .good || outage?.code == .missing }
    /// Why the source's policy does not run, or nil if it does or there is none.
    var problem: UpdateError? { outage ?? flaw }

    /// Ends all rests: whoever begins to follow begins at once.
    mutating func wake() {
        for lane in Lane.allCases {
            switch self[lane] {
            case .tired, .resting: self[lane] = .due
            case .idle, .due, .busy, .barred: break
            }
        }
    }

    /// What to begin now.
    mutating func turn(running: UInt32) -> Turn {
        if case .barred(let under) = offering, under != running { offering = .due }
        var turn = Turn(events: takeEvents())
        if exchange(&mustInterrupt, with: false) { turn.works.append(.interruptOffer) }
        turn.works += [beginAsking(), beginOffering(), beginSaving()].compactMap(\.self)
        for lane in Lane.allCases {
            guard case .tired(let pause) = self[lane] else { continue }
            restCount += 1
            self[lane] = .resting(restCount)
            turn.works.append(.rest(lane, pause, number: restCount))
        }
        turn.isLast = asking == .idle && !isToBeTried(offering) && !isToBeTried(saving)
        return turn
    }

    private func isToBeTried(_ phase: Phase) -> Bool {
        switch phase {
        case .idle, .barred: false
        case .due, .busy, .tired, .resting: true
        }
    }

    mutating func takeEvents() -> [PolicyFollower.Event] { exchange(&events, with: []) }

    mutating func beginAsking() -> Work? {
        guard asking == .due else { return nil }
        asking = .busy
        return .ask(unlike: seen, entersFailure: !hasEnteredFailure)
    }

    mutating func beginOffering() -> Work? {
        guard offering == .due, let newest else { return nil }
        offering = .busy
        return .offer(newest, known: known)
    }

    private mutating func beginSaving() -> Work? {
        guard saving == .due, let unsaved else { return nil }
        saving = .busy
        return .save(unsaved)
    }

    // MARK: What came of it

    mutating func rested(_ lane: Lane, _ number: Int) {
        if self[lane] == .resting(number) { self[lane] = .due }
    }

    mutating func answered(_ answer: Answer) {
        switch answer {
        case .cancelled:
            asking = .due
            return
        case .failed(let error):
            lose(error)
            hasEnteredFailure = true
            asking = .tired(Self.pause(after: &failedAsks))
            return
        case .policy, .sameAsBefore, .noPolicy, .ended: break
        }
        if exchange(&outage, with: nil) != nil { events.append(.reached) }
        failedAsks = 0
        asking = .tired(interval)
        switch answer {
        case .policy(let content, let onlyTakesAway):
            see(content.identity)
            if highestRevision.map({ $0 < content.revision }) ?? true {
                highestRevision = content.revision
                asking = .due
            }
            take(content, onlyTakesAway)
        case .noPolicy(let identity, let error):
            see(identity)
            events.append(.refused(error))
            flaw = error
            standing = .bad
        case .ended:
            events.append(.ended)
            asking = .idle
        case .sameAsBefore, .failed, .cancelled: break
        }
    }

    /// Notes that there is no answer to be had, or none in time.
    mutating func lose(_ error: UpdateError) {
        // A store that answers again and holds nothing is another trouble than one that did not answer.
        if outage?.code != error.code { events.append(.unreachable(error)) }
        outage = error
    }

    private mutating func see(_ identity: PolicyContent.Identity) {
        seen = identity
        hasEnteredFailure = false
    }

    private mutating func take(_ content: PolicyContent, _ onlyTakesAway: Bool) {
        // One that is still tried goes on, and what was told of it is not told again.
        if newest?.identity == content.identity { return }
        newest = content
        known = KnownRefusals()
        failedOffers = 0
        if offering == .busy { mustInterrupt = onlyTakesAway } else { offering = .due }
    }

    /// Notes the updater's verdict on a policy: the revision that runs now, or why this one does not.
    ///
    /// - Parameters:
    ///   - content: The policy.
    ///   - running: The revision that ran before it was offered.
    ///   - verdict: The updater's.
    mutating func judged(_ content: PolicyContent, over running: UInt32, _ verdict: Result<UInt32, UpdateError>) {
        let (revision, isNewest) = (content.revision, newest?.identity == content.identity)
        let isHeld = seen == content.identity
        mustInterrupt = false
        switch verdict {
        case .success(revision):
            if running != revision {
                events.append(.accepted(revision: revision))
            } else if isHeld, standing != .good {
                events.append(.recovered(revision: revision))
            }
            if isHeld { settle(as: .good) }
            keep(content)
        case .success(let now):
            if isHeld, standing != .ignored { events.append(.ignored(revision: revision, running: now)) }
            if isHeld { settle(as: .ignored) }
        case .failure(let error):
            // A cancelled offer says nothing about the policy.
            guard isNewest, error.code != .cancelled else { return offering = .due }
            let isNews = known.insert(error)
            flaw = error
            standing = .bad
            if error.mayPass {
                offering = .tired(Self.pause(after: &failedOffers))
                if isNews { events.append(.delayed(error, revision: revision)) }
            } else {
                offering = .barred(under: running)
                if isNews { events.append(.refused(error, revision: revision)) }
            }
            return
        }
        if isNewest { newest = nil }
        offering = isNewest ? .idle : .due
    }

    private mutating func settle(as standing: Standing) {
        self.standing = standing
        flaw = nil
    }

    /// Notes what the saved copy has, so that nothing older is saved over it.
    mutating func found(copy content: PolicyContent) { savedRevision = savedRevision ?? content.revision }

    /// Notes that the policy of the saved copy runs.
    mutating func restored(_ content: PolicyContent) {
        events.append(.restored(revision: content.revision))
        savedRevision = content.revision
    }

    /// Has a policy saved that runs, unless it or a newer one is saved already.
    private mutating func keep(_ content: PolicyContent) {
        guard savesCopies, savedRevision.map({ $0 < content.revision }) ?? true else { return }
        unsaved = content
        savedRevision = content.revision
        if saving != .busy { saving = .due }
    }

    mutating func saved(_ content: PolicyContent, _ failure: FileError?) {
        if let failure {
            if failedSaves == 0 { events.append(.unsaved(failure)) }
            saving = .tired(Self.pause(after: &failedSaves))
        } else if exchange(&failedSaves, with: 0) > 0 {
            events.append(.saved(revision: content.revision))
        }
        if unsaved?.identity != content.identity {
            saving = .due
        } else if failure == nil {
            unsaved = nil
            saving = .idle
        }
    }

    /// One second, then twice as long each time, up to a minute.
    private static func pause(after failures: inout Int) -> Duration {
        defer { failures = min(failures + 1, 6) }
        return .seconds(min(1 << failures, 60))
    }
}
