/// Compiles one rollout into its record and what the record refers to.
struct RolloutCompiler {
    private let id: RolloutID
    private let definition: RolloutDefinition
    private let registered: RegisteredRollout
    private let allocation: Allocation

    init(_ id: RolloutID, _ definition: RolloutDefinition, _ registered: RegisteredRollout) {
        self.id = id
        self.definition = definition
        self.registered = registered
        allocation = Allocation(definition)
    }

    private var variants: [RegisteredVariant] { registered.variants }
    private var first: VariantNumber { variants[0].number }

    /// Writes the record at `start` and appends tables and further draws at the end.
    func compile(into words: inout [UInt64], at start: Int, revision: UInt32) {
        let segments = segments()
        let isEnrolled = definition.strategy.draws && !definition.enrolment.isEmpty
        var marks: RecordMarks = []
        if definition.strategy.draws, let bucketing = definition.bucketing {
            marks = .stated(at: appendDraw(segments, by: bucketing, to: &words))
        } else {
            marks = appendWide(segments, to: &words)
        }
        let hosts = unsafe TextTable.append(hostEntries(&words), to: &words) { unsafe HostScan($0).hash }
        let forced = unsafe TextTable.append(forcedEntries(&words), to: &words) { unsafe XXH3.hash($0) }
        if hosts != 0 { marks.formUnion(.hosts) }
        if forced != 0 { marks.formUnion([.forced, .filtered]) }
        let filter: UInt64
        if isEnrolled {
            let gate = EnrolmentGate(definition.enrolment, orElse: leftOut)
            if gate != nil, !marks.contains(.wide), forced == 0 { marks.formUnion(.gated) }
            marks.formUnion([.enrolled, .filtered])
            filter = EnrolmentGate.append(gate, to: &words)
            appendEnrolment(to: &words)
        } else if marks.contains(.stated) {
            marks.formUnion(.keyless)
            filter = TextFilter.appendOpen(to: &words)
        } else {
            filter = TextFilter.append(definition.forced.keys, to: &words)
        }

        words[start + RecordLayout.marks] = marks.rawValue
        words[start + RecordLayout.origin] = UInt64(revision) | UInt64(definition.epoch) << 32
        let isElsewhere = marks.contains(.wide)
        Self.write(isElsewhere ? [] : segments, saltHash: saltHash, to: &words, at: start)
        words[start + RecordLayout.missing] = missing.word
        words[start + RecordLayout.stale] = Outcome(first, .stale).word
        words[start + RecordLayout.hosts] = hosts
        words[start + RecordLayout.forced] = forced
        words[start + RecordLayout.filter] = filter
        if rules.contains(.honoured) {
            let table = TagTable.append(variants, to: &words) { assigned($0) }
            words[start + RecordLayout.assignments] = table | rules.word
        }
        words[start + RecordLayout.cookie] = registered.cookie.word
        words[start + RecordLayout.adoptions] = TagTable.append(variants, to: &words) { adopted($0) }
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

    /// Appends a draw by a stated bucketing. Returns its offset.
    private func appendDraw(_ segments: [Segment], by bucketing: Bucketing, to words: inout [UInt64]) -> Int {
        let function = StatedFunction.append(bucketing, to: &words)
        let marks = appendWide(segments, to: &words)
        let start = words.count
        words.append(contentsOf: repeatElement(0, count: RecordLayout.drawSize))
        write(segments, marks, saltHash: 0, function: function, to: &words, at: start)
        return start
    }

    /// What a unit gets that is not enrolled: what a request without a unit gets, for another reason.
    private var leftOut: Outcome { missing.because(.notEnrolled) }

    /// Appends the draws of the enrolment, one behind the other. Whoever passes one comes to the next, and behind the last one, at
    /// the offset 0, to the rollout's own draw.
    private func appendEnrolment(to words: inout [UInt64]) {
        let start = words.count
        let count = definition.enrolment.count
        words.append(contentsOf: repeatElement(0, count: count * RecordLayout.drawSize))
        for (index, draw) in definition.enrolment.enumerated() {
            let offset = start + index * RecordLayout.drawSize
            let passes = Outcome(nextDrawAt: index + 1 < count ? offset + RecordLayout.drawSize : 0)
            var segments: [Segment] = []
            for range in draw.ranges {
                segments.extend(to: range.lowerBound, leftOut)
                segments.extend(to: range.upperBound, passes)
            }
            segments.extend(to: Share.bucketCount, leftOut)
            let function = draw.bucketing.map { StatedFunction.append($0, to: &words) } ?? 0
            let marks = appendWide(segments, to: &words)
            let saltHash = draw.ownSalt.map(Bucketing.saltHash) ?? 0
            write(segments, marks, saltHash: saltHash, function: function, to: &words, at: offset)
        }
    }

    /// Appends a wide draw if the segments need one. Returns its marks.
    private func appendWide(_ segments: [Segment], to words: inout [UInt64]) -> RecordMarks {
        if segments.count <= NarrowDraw.capacity { return [] }
        defer { words.append(contentsOf: WideDraw.words(segments)) }
        return .wide(at: words.count, segments: segments.count)
    }

    /// Writes a further draw.
    private func write(
        _ segments: [Segment],
        _ marks: RecordMarks,
        saltHash: UInt64,
        function: Int,
        to words: inout [UInt64],
        at start: Int
    ) {
        words[start + RecordLayout.marks] = marks.rawValue
        words[start + RecordLayout.function] = UInt64(function)
        Self.write(marks.contains(.wide) ? [] : segments, saltHash: saltHash, to: &words, at: start)
    }

    private func segments() -> [Segment] {
        var segments: [Segment] = []
        switch definition.strategy {
        case .fixed:
            segments.extend(to: Share.bucketCount, Outcome(first, .fixed))
        case .shadow:
            segments = shadowSegments(.fixed)
        case .canary, .abTest:
            let notEnrolled = Outcome(first, .notEnrolled, showsBucket: true)
            for run in allocation.runs {
                segments.extend(to: run.buckets.upperBound, run.drawn.map(split) ?? notEnrolled)
            }
        }
        return segments
    }

    private func shadowSegments(_ reason: Decision.Reason) -> [Segment] {
        var segments: [Segment] = []
        segments.extend(to: allocation.copied.buckets, Outcome(first, shadow: variants[1].number, reason))
        segments.extend(to: Share.bucketCount, Outcome(first, reason))
        return segments
    }

    private func split(_ place: Int) -> Outcome { Outcome(variants[place].number, .split, showsBucket: true) }

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
    /// Copies to a shadow are sampled no matter which rule decided, so a rule on a shadow rollout leads to a further draw.
    private func ruleOutcomes(
        _ reason: Decision.Reason,
        _ words: inout [UInt64]
    ) -> (VariantName) -> (Outcome, Outcome) {
        guard definition.strategy.kind == .shadow else {
            return { name in
                let place = allocation.served(byRuleFor: name)
                let outcome = place.map { Outcome(variants[$0].number, reason) } ?? Outcome(first, .notEnrolled)
                return (outcome, outcome)
            }
        }
        let offset = words.count
        words.append(contentsOf: repeatElement(0, count: RecordLayout.drawSize))
        Self.write(shadowSegments(reason), saltHash: saltHash, to: &words, at: offset)
        return { _ in (Outcome(nextDrawAt: offset), Outcome(first, reason)) }
    }

    /// What a live assignment of a variant leads to.
    private func assigned(_ place: Int) -> Outcome? {
        allocation.isKeptByAssignment(place) ? split(place).because(.sticky) : nil
    }

    /// What a decision of another service that names a variant leads to.
    private func adopted(_ place: Int) -> Outcome? {
        allocation.isAdopted(place) ? Outcome(variants[place].number, .sticky) : nil
    }

    private var rules: AssignmentRules {
        guard definition.strategy.draws else { return [] }
        var rules: AssignmentRules = .honoured
        if definition.sticky?.pin == .bucket { rules.insert(.pinsBucket) }
        if definition.missingUnit == .assign { rules.insert(.assignsMissing) }
        return rules
    }
}
