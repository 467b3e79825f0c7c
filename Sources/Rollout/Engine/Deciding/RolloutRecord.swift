/// One rollout of a compiled policy: the whole precedence table, and nothing else.
///
///     host rule -> forced unit -> assignment -> draw -> missing unit
///
/// Total and pure: no clock, no randomness, no error, no allocation, no reference counting.
@usableFromInline
struct RolloutRecord {
    @usableFromInline let image: PolicyImage
    @usableFromInline let start: Int

    @inline(__always)
    init(_ image: PolicyImage, ordinal: Int) { self.init(image, start: ordinal * RecordLayout.size) }

    @inlinable
    @inline(__always)
    init(_ image: PolicyImage, start: Int) {
        self.image = image
        self.start = start
    }

    /// The decision for a unit by its hash alone, or nil where the record is not plain.
    @inlinable
    @inline(__always)
    func plainDecision(forKey key: UInt64) -> Decision? {
        RecordMarks(rawValue: word(RecordLayout.marks)).isPlain ? narrowDraw(at: bucket(ofKey: key)) : nil
    }

    /// The decision for a unit by its hash alone, or nil where the unit may be a forced one or the draw needs a search.
    @inline(__always)
    func decision(forKey key: UInt64) -> Decision? {
        let marks = RecordMarks(rawValue: word(RecordLayout.marks))
        if marks.isPlain { return narrowDraw(at: bucket(ofKey: key)) }
        if marks.contains(.forced), TextFilter.mayHold(key, in: image, filter: word(RecordLayout.filter)) { return nil }
        let bucket = bucket(ofKey: key)
        guard marks.contains(.wide) else { return narrowDraw(at: bucket) }
        return WideDraw.outcome(in: image, at: marks.wideOffset, bucket: bucket).map { answer($0, bucket: bucket) }
    }

    /// The decision for a unit, with no host and no assignment.
    func decision(for unit: some EngineUnit) -> Decision {
        let marks = RecordMarks(rawValue: word(RecordLayout.marks))
        if marks.contains(.forced), let forced = forced(unit) { return forced }
        return draw(at: bucket(ofKey: unit.key), marks)
    }

    /// The decision for a request without unit, host and assignment.
    @inline(__always)
    func decisionWithoutUnit() -> Decision { answer(Outcome(word: word(RecordLayout.missing))) }

    /// The decision for a request.
    func decision(for request: RequestBytes, holding assignment: Assignment?) -> Decision {
        let unit = request.unit
        let marks = RecordMarks(rawValue: word(RecordLayout.marks))
        if marks.contains(.hosts), let ruled = hosted(request) { return ruled }
        if let unit, marks.contains(.forced), let forced = forced(unit) { return forced }
        if let assignment, let held = decision(honouring: assignment, hasUnit: unit != nil, marks) { return held }
        if let unit { return draw(at: bucket(ofKey: unit.key), marks) }
        return decisionWithoutUnit()
    }

    // MARK: Rules

    func forced(_ unit: some EngineUnit) -> Decision? {
        let table = word(RecordLayout.forced)
        let entry = unsafe unit.withBytes { bytes in
            unsafe TextTable.find(bytes, hash: unit.key, in: image, table: table)
        }
        return entry.map { resolve(TextTable.outcome(of: $0, in: image, hasUnit: true), unit.key) }
    }

    func hosted(_ request: RequestBytes) -> Decision? {
        let table = word(RecordLayout.hosts)
        let entry = unsafe request.withNormalizedHost { host in
            unsafe host.flatMap { unsafe TextTable.find($0, hash: XXH3.hash($0), in: image, table: table) }
        }
        let unit = request.unit
        return entry.map { resolve(TextTable.outcome(of: $0, in: image, hasUnit: unit != nil), unit?.key) }
    }

    /// What an assignment decides, or nil where it has lost and supplies nothing.
    ///
    /// | epoch | pin | unit | decides |
    /// | --- | --- | --- | --- |
    /// | newer | any | any | the first variant, `stale` |
    /// | same | variant | any | its variant, `sticky`, if that still takes assignments |
    /// | same | bucket | none | its bucket, judged now: `sticky` where that is enrolled |
    /// | any not newer | any | none | its bucket, judged now, if missing units are assigned one |
    /// | otherwise | | | nothing: the unit is drawn, or is missing |
    func decision(honouring assignment: Assignment, hasUnit: Bool, _ marks: RecordMarks) -> Decision? {
        let assignments = word(RecordLayout.assignments)
        let rules = AssignmentRules(of: assignments)
        guard rules.contains(.honoured) else { return nil }
        let epoch = UInt32(truncatingIfNeeded: word(RecordLayout.origin) >> 32)
        if assignment.epoch > epoch { return answer(Outcome(word: word(RecordLayout.stale))) }

        let bucket = UInt64(assignment.bucketField)
        let isCurrent = assignment.epoch == epoch && assignment.isBinding
        if isCurrent, !rules.contains(.pinsBucket) {
            if let outcome = TagTable.outcome(for: assignment.tag, in: image, table: assignments) {
                return answer(outcome, bucket: bucket)
            }
        }
        guard !hasUnit, bucket < UInt64(Share.bucketCount) else { return nil }
        if isCurrent, rules.contains(.pinsBucket) { return draw(at: bucket, marks).keepingBucket }
        return rules.contains(.assignsMissing) ? draw(at: bucket, marks) : nil
    }

    // MARK: Draws

    @inlinable
    @inline(__always)
    func bucket(ofKey key: UInt64) -> UInt64 {
        Bucketing.bucket(ofKey: key, saltHash: word(RecordLayout.salt))
    }

    /// The record's own draw; its outcomes are answers.
    func draw(at bucket: UInt64, _ marks: RecordMarks) -> Decision {
        guard marks.contains(.wide) else { return narrowDraw(at: bucket) }
        let outcome =
            WideDraw.outcome(in: image, at: marks.wideOffset, bucket: bucket)
            ?? WideDraw.search(in: image, at: marks.wideOffset, count: marks.segmentCount, bucket: bucket)
        return answer(outcome, bucket: bucket)
    }

    @inlinable
    @inline(__always)
    func narrowDraw(at bucket: UInt64) -> Decision {
        let index = NarrowDraw.standing(word(RecordLayout.bounds), at: bucket)
        return answer(Outcome(word: word(RecordLayout.outcomes &+ index)), bucket: bucket)
    }

    /// The answer an outcome of a rule leads to: itself, or that of the draw it refers to, whose outcomes are answers.
    private func resolve(_ outcome: Outcome, _ key: UInt64?) -> Decision {
        guard let next = outcome.nextDrawOffset, let key else { return answer(outcome) }
        let bucket = Bucketing.bucket(ofKey: key, saltHash: image[next + RecordLayout.salt])
        let index = NarrowDraw.standing(image[next + RecordLayout.bounds], at: bucket)
        return answer(Outcome(word: image[next + RecordLayout.outcomes + index]), bucket: bucket)
    }

    @inlinable
    @inline(__always)
    func answer(_ outcome: Outcome, bucket: UInt64 = 0) -> Decision {
        Decision(answer: outcome.word | bucket << Outcome.bucketShift, origin: word(RecordLayout.origin))
    }

    @inlinable
    @inline(__always)
    func word(_ index: Int) -> UInt64 { image.word(index, ofRecordAt: start) }
}
