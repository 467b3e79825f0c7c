/// Compiles one rollout into its record, and whatever the record refers to.
struct RolloutCompiler {
    private let id: RolloutID
    private let definition: RolloutDefinition
    private let registered: RegisteredRollout
    private let names: VariantNames

    init(_ id: RolloutID, _ definition: RolloutDefinition, _ registered: RegisteredRollout) {
        self.id = id
        self.definition = definition
        self.registered = registered
        names = VariantNames(registered.variants.map(\.name))
    }

    private var variants: [RegisteredVariant] { registered.variants }
    private var first: VariantNumber { variants[0].number }

    /// Writes the record at `start` and appends tables and further draws at the end.
    func compile(into words: inout [UInt64], at start: Int, revision: UInt32) {
        let segments = segments()
        var marks: RecordMarks = []
        if segments.count > NarrowDraw.capacity {
            marks = .wide(at: words.count, segments: segments.count)
            words.append(contentsOf: WideDraw.words(segments))
        }
        let hosts = TextTable.append(hostEntries(&words), to: &words)
        let forced = TextTable.append(forcedEntries(&words), to: &words)
        let filter = TextFilter.append(definition.forced.keys, to: &words)
        if hosts != 0 { marks.formUnion(.hosts) }
        if forced != 0 { marks.formUnion(.forced) }

        words[start + RecordLayout.marks] = marks.rawValue
        words[start + RecordLayout.origin] = UInt64(revision) | UInt64(definition.epoch) << 32
        Self.write(segments.count > NarrowDraw.capacity ? [] : segments, saltHash: saltHash, to: &words, at: start)
        words[start + RecordLayout.missing] = missing.word
        words[start + RecordLayout.stale] = Outcome(first, .stale).word
        words[start + RecordLayout.hosts] = hosts
        words[start + RecordLayout.forced] = forced
        words[start + RecordLayout.filter] = filter
        if rules.contains(.honoured) {
            let table = TagTable.append(variants, to: &words) { assigned($0, drawnBy: segments) }
            words[start + RecordLayout.assignments] = table | rules.word
        }
        words[start + RecordLayout.cookie] = registered.cookie.word
        words[start + RecordLayout.adoptions] = TagTable.append(variants, to: &words, adopted)
    }

    /// Writes the record of a seat whose rollout the policy lacks: one answer for everybody.
    static func writeAbsent(_ standIn: VariantNumber, into words: inout [UInt64], at start: Int, revision: UInt32) {
        let outcome = Outcome(standIn, .absent)
        write([Segment(upperBound: Share.bucketCount - 1, outcome: outcome)], saltHash: 0, to: &words, at: start)
        words[start + RecordLayout.origin] = UInt64(revision)
        words[start + RecordLayout.missing] = outcome.word
    }

    // MARK: The draw

    private var saltHash: UInt64 {
        let salt = definition.salt ?? id.text
        guard definition.strategy.kind == .shadow else { return Bucketing.saltHash(salt) }
        return Bucketing.saltHash(Bucketing.derivedSalt(salt, "shadow"))
    }

    private func segments() -> [Segment] {
        var segments: [Segment] = []
        switch definition.strategy {
        case .fixed:
            segments.extend(to: Share.bucketCount, Outcome(first, .fixed))
        case .shadow(let share, _, _):
            segments = shadowSegments(share, .fixed)
        case .canary, .abTest:
            let notEnrolled = Outcome(first, .notEnrolled, showsBucket: true)
            for range in definition.strategy.allocation {
                let number = isServed(range.variant) ? number(of: range.variant) : nil
                segments.extend(to: range.buckets.upperBound, number.map(split) ?? notEnrolled)
            }
            segments.extend(to: Share.bucketCount, notEnrolled)
        }
        return segments
    }

    private func shadowSegments(_ share: Share, _ reason: Decision.Reason) -> [Segment] {
        var segments: [Segment] = []
        if isServed(.shadow) { segments.extend(to: share.buckets, Outcome(first, shadow: variants[1].number, reason)) }
        segments.extend(to: Share.bucketCount, Outcome(first, reason))
        return segments
    }

    private func split(_ number: VariantNumber) -> Outcome { Outcome(number, .split, showsBucket: true) }

    /// Whether units are drawn into the variant: the first one always, others unless disabled or draining.
    private func isServed(_ name: VariantName) -> Bool {
        !definition.disabled.contains(name) && !definition.draining.contains(name)
    }

    private var missing: Outcome {
        switch definition.strategy.kind {
        case .fixed, .shadow: Outcome(first, .fixed)
        case .canary, .abTest: Outcome(first, .missingUnit)
        }
    }

    /// Writes the first line of a record, or a draw by itself, of up to four segments.
    private static func write(_ segments: [Segment], saltHash: UInt64, to words: inout [UInt64], at start: Int) {
        words[start + RecordLayout.salt] = saltHash
        words[start + RecordLayout.bounds] = NarrowDraw.packed(segments.map(\.upperBound))
        for (index, segment) in segments.enumerated() {
            words[start + RecordLayout.outcomes + NarrowDraw.capacity - 1 - index] = segment.outcome.word
        }
    }

    // MARK: Rules

    private func hostEntries(_ words: inout [UInt64]) -> [TextTable.Entry] {
        guard !definition.hosts.isEmpty else { return [] }
        let outcomes = ruleOutcomes(.host, &words)
        return definition.hosts.map { host, variant in
            TextTable.Entry(text: host.text, withUnit: outcomes(variant).0, withoutUnit: outcomes(variant).1)
        }
    }

    private func forcedEntries(_ words: inout [UInt64]) -> [TextTable.Entry] {
        guard !definition.forced.isEmpty else { return [] }
        let outcomes = ruleOutcomes(.forced, &words)
        return definition.forced.map { unit, variant in
            TextTable.Entry(text: unit.text, withUnit: outcomes(variant).0, withoutUnit: outcomes(variant).1)
        }
    }

    /// What a rule that names a variant leads to, with a unit and without one.
    ///
    /// Copies to a shadow are sampled whatever rule decided, so there a rule leads to a draw of its own.
    private func ruleOutcomes(
        _ reason: Decision.Reason,
        _ words: inout [UInt64]
    ) -> (VariantName) -> (Outcome, Outcome) {
        guard case .shadow(let share, _, _) = definition.strategy else {
            return { name in
                let number = definition.disabled.contains(name) ? nil : number(of: name)
                let outcome = number.map { Outcome($0, reason) } ?? Outcome(first, .notEnrolled)
                return (outcome, outcome)
            }
        }
        let offset = words.count
        words.append(contentsOf: repeatElement(0, count: RecordLayout.drawSize))
        Self.write(shadowSegments(share, reason), saltHash: saltHash, to: &words, at: offset)
        return { _ in (Outcome(nextDrawAt: offset), Outcome(first, reason)) }
    }

    /// What a live assignment of a variant leads to: it keeps a variant that is drawn into or draining, not disabled.
    private func assigned(_ variant: RegisteredVariant, drawnBy segments: [Segment]) -> Outcome? {
        let drawn = split(variant.number)
        let isDrawn = segments.contains { $0.outcome == drawn }
        guard isDrawn || definition.draining.contains(variant.name), !definition.disabled.contains(variant.name)
        else { return nil }
        return drawn.because(.sticky)
    }

    /// What a decision of another service that names a variant leads to: to all that are not disabled, whatever their share,
    /// because a host or a force may have led there; of a shadow's, only to the one that answers.
    private func adopted(_ variant: RegisteredVariant) -> Outcome? {
        if definition.disabled.contains(variant.name) { return nil }
        if case .shadow = definition.strategy, variant.number != first { return nil }
        return Outcome(variant.number, .sticky)
    }

    private var rules: AssignmentRules {
        guard definition.strategy.draws else { return [] }
        var rules: AssignmentRules = .honoured
        if definition.sticky?.pin == .bucket { rules.insert(.pinsBucket) }
        if definition.missingUnit == .assign { rules.insert(.assignsMissing) }
        return rules
    }

    private func number(of name: VariantName) -> VariantNumber? {
        names.place(of: name).map { variants[$0].number }
    }
}
