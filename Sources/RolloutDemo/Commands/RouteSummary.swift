import Rollout

/// The summary that `route` prints at the end.
struct Summary {
    let policy: RolloutPolicy
    let status: RolloutStatus
    let tally: Tally
    let data: RouteData
    /// How many lines were not requests.
    let refused: Int
    /// The time that was given for every request, or nil for the clock's.
    let now: UnixTime?

    var text: String {
        var lines = [
            "\(counted(tally.decided, "request")) decided by revision \(status.revision), "
                + "\(counted(refused, "line")) refused"
        ]
        for rollout in status.rollouts {
            let counts = tally.counts(of: rollout.id)
            guard counts.total > 0 else { continue }
            lines.append("")
            lines.append("\(rollout.id): \(rollout.strategy.rawValue), \(counted(counts.total, "request"))")
            lines += section(rollout.variants, counts)
            if let definition = policy.rollouts[rollout.id],
                let note = data.note(on: definition, rollout.id)
            {
                lines.append("  \(note)")
            }
        }
        let notes = data.frequentUnits.notes + (now.flatMap(note).map { [$0] } ?? [])
        if !notes.isEmpty { lines += [""] + notes.map { "note: \($0)" } }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What is to be said of a time that no token can hold, with the life of the longest cookie added.
    private func note(on now: UnixTime) -> String? {
        let cookies = policy.rollouts.values.filter { $0.strategy.kind != .fixed && $0.strategy.kind != .shadow }
        let age = cookies.compactMap(\.sticky?.maxAge).max() ?? 0
        // A token holds the minute.
        let times = 0...(Int64(UInt32.max) - Int64(age)) / 60 * 60 + 59
        if times.contains(now.seconds) { return nil }
        // Seconds of a late year are no milliseconds: those of any time since 1984 are a hundred times too many.
        let isMilliseconds = now.seconds / 100 >= times.upperBound && times.contains(now.seconds / 1_000)
        // Until the last second that a token can hold, one that was issued earlier may live, or one with a shorter life begin.
        let effect =
            (0..<Int64(UInt32.max)).contains(now.seconds)
            ? "is too late for a cookie of \(counted(age, "second")), so no such one is written"
            : "cannot be a time in a cookie, so none is honoured or written"
        return "--now \(now) \(effect): expected seconds in 0 ... \(grouped(Int(times.upperBound)))"
            + (isMilliseconds ? ", found milliseconds, it seems" : "")
    }

    private func section(_ variants: [RolloutStatus.Variant], _ counts: Tally.Counts) -> [String] {
        let isRuled = counts.drawn < counts.total
        var table = Table("lrrrrl")
        table.add("variant", "requests", "share", isRuled ? "drawn" : "", "expected")
        for variant in variants {
            let count = counts.variants[variant.name, default: 0]
            let drawn = counts.drawnVariants[variant.name, default: 0]
            table.add(
                "\(variant.name)",
                "\(grouped(count))",
                "\(percent(count, of: counts.total))",
                isRuled ? "\(percent(drawn, of: counts.drawn))" : "",
                "\(variant.share)",
                "\(variant.release)"
            )
        }
        var lines = table.lines()
        lines.append("  reasons: \(counts.reasonsText)")
        if isRuled {
            lines.append("  drawn: the share among the \(counted(counts.drawn, "request")) that no rule decided")
        }
        return lines
    }
}

/// Counts decisions by variant and reason.
struct Tally {
    private struct Key: Hashable {
        let variant: Decision.Variant
        let reason: Decision.Reason
        let isInvited: Bool
    }

    private(set) var decided = 0
    private var counts: [Key: Int] = [:]
    private var copies: [Decision.Variant: Int] = [:]

    mutating func count(_ decision: Decision) {
        decided += 1
        // Of those who are held, only an invitation has no bucket.
        let isInvited = decision.reason == .sticky && decision.bucket == nil
        counts[Key(variant: decision.variant, reason: decision.reason, isInvited: isInvited), default: 0] += 1
        if let shadow = decision.shadow { copies[shadow, default: 0] += 1 }
    }

    /// The decisions of a rollout.
    func counts(of rollout: RolloutID) -> Counts {
        var result = Counts()
        for (key, count) in counts where key.variant.rollout == rollout {
            result.total += count
            result.variants[key.variant.name, default: 0] += count
            result.reasons[key.reason, default: 0] += count
            guard !key.isInvited, !Self.rules.contains(key.reason) else { continue }
            result.drawn += count
            result.drawnVariants[key.variant.name, default: 0] += count
        }
        for (variant, count) in copies where variant.rollout == rollout {
            result.variants[variant.name, default: 0] += count
            result.drawnVariants[variant.name, default: 0] += count
        }
        return result
    }

    /// The decisions of one rollout. A shadow counts its copies.
    struct Counts {
        var total = 0
        var variants: [VariantName: Int] = [:]
        var reasons: [Decision.Reason: Int] = [:]
        /// The decisions that no rule made. Only they are expected to follow the shares.
        var drawn = 0
        var drawnVariants: [VariantName: Int] = [:]

        /// The reasons, most frequent first: `split 1,583, host 306`.
        var reasonsText: String {
            reasons.sorted { ($1.value, $0.key.description) < ($0.value, $1.key.description) }
                .map { "\($0.key) \(grouped($0.value))" }
                .joined(separator: ", ")
        }
    }

    private static let rules: Set<Decision.Reason> = [.host, .forced, .missingUnit]
}

/// A line on the terminal that shows the progress and removes itself.
struct Progress {
    private let isWanted: Bool
    private let start = ContinuousClock.now
    private var lastShown: ContinuousClock.Instant?
    private var isVisible = false

    private static let interval = Duration.milliseconds(100)

    init(isWanted: Bool) { self.isWanted = isWanted }

    /// Shows the line, unless it was shown within the last tenth of a second.
    mutating func show(_ requests: Int, on output: inout Output) throws(Stop) {
        guard isWanted else { return }
        let now = ContinuousClock.now
        if let lastShown, now - lastShown < Self.interval { return }
        lastShown = now
        isVisible = true
        let seconds = (now - start) / .seconds(1)
        let rate = seconds > 0 ? Int(Double(requests) / seconds) : 0
        output.append("\r\u{1B}[K\(counted(requests, "request")), \(grouped(rate)) a second")
        try output.flush()
    }

    /// Removes the line, so that something else can be written in its place.
    mutating func hide(on output: inout Output) throws(Stop) {
        guard isVisible else { return }
        isVisible = false
        output.append("\r\u{1B}[K")
        try output.flush()
    }
}
