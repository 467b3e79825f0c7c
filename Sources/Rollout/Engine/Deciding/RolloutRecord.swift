/// One rollout of a compiled policy: it holds the whole precedence table, and nothing else.
///
///     host rule -> forced unit -> assignment -> enrolment -> draw -> missing unit
///
/// Total and pure: no clock, no randomness, no error, no allocation, no reference counting.
@usableFromInline
struct RolloutRecord {
    @usableFromInline let image: PolicyImage
    /// Where the record starts, in bytes, as addresses count.
    @usableFromInline let start: Int

    @inline(__always)
    init(_ image: PolicyImage, ordinal: Int) { self.init(image, start: Self.start(ofSeat: ordinal)) }

    /// Where the record of a seat starts, in bytes.
    static func start(ofSeat ordinal: Int) -> Int { ordinal * RecordLayout.size * MemoryLayout<UInt64>.size }

    @inlinable
    @inline(__always)
    init(_ image: PolicyImage, start: Int) {
        self.image = image
        self.start = start
    }

    /// The decision for a unit by its hash alone, or nil if the unit may be a forced one, or the draw needs a search or another
    /// hash.
    @inlinable
    @inline(__always)
    func decision(forKey key: UInt64) -> Decision? {
        let marks = RecordMarks(rawValue: word(RecordLayout.marks))
        if marks.isPlain { return narrowDraw(at: bucket(ofKey: key)) }
        if marks.contains(.filtered) {
            if TextFilter.mayHold(key, in: image, filter: word(RecordLayout.filter)) {
                guard marks.contains(.gated) else { return nil }
                let refusal = EnrolmentGate.refusal(ofKey: key, in: image, at: word(RecordLayout.filter))
                return refusal.map { answer($0) } ?? narrowDraw(at: bucket(ofKey: key))
            }
            guard marks.contains(.wide) else { return narrowDraw(at: bucket(ofKey: key)) }
        }
        let bucket = bucket(ofKey: key)
        return WideDraw.outcome(in: image, at: marks.wideOffset, bucket: bucket).map { answer($0, bucket: bucket) }
    }

    /// Whether a unit's own hash decides nothing, unless the unit is forced.
    @inline(__always)
    var isKeyless: Bool { RecordMarks(rawValue: word(RecordLayout.marks)).contains(.keyless) }

    /// The decision for a unit that nothing but a stated draw decides, or nil.
    @inline(__always)
    func statedDecision(for unit: UnsafeRawBufferPointer) -> Decision? {
        let marks = RecordMarks(rawValue: word(RecordLayout.marks))
        guard marks.contains(.keyless), !marks.contains(.forced) else { return nil }
        return unsafe statedDraw(unit, marks)
    }

    /// The decision for a unit, with no host and no assignment.
    @inline(__always)
    func decision(for unit: BorrowedUnit) -> Decision {
        let marks = RecordMarks(rawValue: word(RecordLayout.marks))
        if marks.contains(.forced), let forced = forced(unit) { return forced }
        let key = unit.key
        return unsafe marks.isNarrow ? narrowDraw(at: bucket(ofKey: key)) : otherDraw(unit.bytes, key, marks)
    }

    /// The decision for a request without unit, host and assignment.
    @inline(__always)
    func decisionWithoutUnit() -> Decision { answer(Outcome(word: word(RecordLayout.missing))) }

    /// The decision for a request.
    @inline(never)
    func decision(for request: RequestBytes, holding assignment: Assignment?) -> Decision {
        decide(request, holding: assignment)
    }

    /// The decision for a request, for callers that are so fast that one more call would show.
    ///
    /// The unit is hashed as late as possible, because a host or an assignment often decides without it.
    @inline(__always)
    func decide(_ request: RequestBytes, holding assignment: Assignment?) -> Decision {
        let marks = RecordMarks(rawValue: word(RecordLayout.marks))
        if marks.contains(.hosts), let ruled = hosted(request) { return ruled }
        if marks.contains(.forced), let unit = request.hashedUnit, let forced = forced(unit) { return forced }
        if let assignment, let held = decision(honouring: assignment, hasUnit: request.hasUnit, marks) { return held }
        guard request.hasUnit else { return decisionWithoutUnit() }
        guard marks.isNarrow else { return unsafe otherDraw(request.unit, XXH3.unknown, marks) }
        return narrowDraw(at: bucket(ofKey: request.unitKey))
    }

    // MARK: Rules

    func forced(_ unit: BorrowedUnit) -> Decision? {
        let key = unit.key
        return unsafe TextTable.find(unit.bytes, hash: key, in: image, table: word(RecordLayout.forced))
            .map { resolve(TextTable.outcome(of: $0, in: image, hasUnit: true), key) }
    }

    @inline(__always)
    func hosted(_ request: RequestBytes) -> Decision? {
        let name = unsafe HostName.name(in: request.host)
        // A longer host is in no policy, and not worth a copy on the stack.
        guard 1...PolicyLimits.textBytes ~= name.count else { return nil }
        let table = word(RecordLayout.hosts)
        let scan = unsafe HostScan(name)
        let entry =
            unsafe scan.mayHaveUpperCase
            ? findLowered(name, in: table) : TextTable.find(name, hash: scan.hash, in: image, table: table)
        guard let entry else { return nil }
        let outcome = TextTable.outcome(of: entry, in: image, hasUnit: request.hasUnit)
        return outcome.nextDrawOffset == nil ? answer(outcome) : resolve(outcome, request.hashedUnit?.key)
    }

    @inline(never)
    private func findLowered(_ name: UnsafeRawBufferPointer, in table: UInt64) -> Int? {
        unsafe HostName.withLowered(name) { host in
            unsafe TextTable.find(host, hash: HostScan(host).hash, in: image, table: table)
        }
    }

    /// What an assignment decides, or nil if it has lost and supplies nothing.
    ///
    /// | epoch | pin | unit | decides |
    /// | --- | --- | --- | --- |
    /// | newer | any | any | the first variant, `stale` |
    /// | same | variant | any | its variant, `sticky`, if that still takes assignments |
    /// | same | any | any | an invitation: its variant, `sticky`, unless that is gone or disabled |
    /// | same | bucket | none | its bucket, judged now: `sticky` if the bucket is enrolled |
    /// | any not newer | any | none | its bucket, judged now, if missing units are assigned one |
    /// | otherwise | | | nothing: the unit is drawn, or is missing |
    @inline(__always)
    func decision(honouring assignment: Assignment, hasUnit: Bool, _ marks: RecordMarks) -> Decision? {
        let assignments = word(RecordLayout.assignments)
        let rules = AssignmentRules(of: assignments)
        guard rules.contains(.honoured) else { return nil }
        let epoch = UInt32(truncatingIfNeeded: word(RecordLayout.origin) >> 32)
        if assignment.epoch > epoch { return answer(Outcome(word: word(RecordLayout.stale))) }

        let bucket = UInt64(assignment.bucketField)
        let isCurrent = assignment.epoch == epoch && assignment.isBinding
        if isCurrent {
            // An invitation may come this way too. The field of the bucket keeps only its low bits: all ones, for no bucket.
            if !rules.contains(.pinsBucket),
                let outcome = TagTable.outcome(for: assignment.tag, in: image, table: assignments)
            {
                return answer(outcome, bucket: bucket)
            }
            if assignment.isInvitation, let outcome = adopted(assignment.tag) { return answer(outcome) }
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

    /// The decision for a bucket, wherever it comes from.
    func draw(at bucket: UInt64, _ marks: RecordMarks) -> Decision {
        guard marks.contains(.wide) else { return narrowDraw(at: bucket) }
        if marks.contains(.stated) {
            return answer(outcome(ofDrawAt: marks.wideOffset, bucket: bucket), bucket: bucket)
        }
        return wideDraw(at: bucket, marks)
    }

    /// The decision for a unit, if the record's draw is not a narrow one. The key may be unknown.
    @inline(never)
    private func otherDraw(_ unit: UnsafeRawBufferPointer, _ known: UInt64, _ marks: RecordMarks) -> Decision {
        if marks.contains(.keyless) { return unsafe statedDraw(unit, marks) }
        let key = unsafe known == XXH3.unknown ? XXH3.hash(unit) : known
        if marks.contains(.enrolled), unsafe !passesEnrolment(unit, key) { return decisionLeavingOut }
        return unsafe marks.contains(.stated) ? statedDraw(unit, marks) : draw(at: bucket(ofKey: key), marks)
    }

    /// Whether a unit passes all draws of the enrolment.
    ///
    /// A policy has no more draws than the limit. In a torn image there might be any number, one behind the other.
    private func passesEnrolment(_ unit: UnsafeRawBufferPointer, _ key: UInt64) -> Bool {
        var offset = enrolmentOffset
        for _ in 0..<PolicyLimits.enrolmentDraws {
            guard let bucket = unsafe bucket(of: unit, key, inDrawAt: offset),
                let next = outcome(ofDrawAt: offset, bucket: bucket).nextDrawOffset
            else { return false }
            if next <= offset { return true }
            offset = next
        }
        return false
    }

    /// The bucket of a unit in each draw of the enrolment, nil if it has none, and whether it passes there.
    func enrolment(of unit: UnsafeRawBufferPointer, count: Int) -> [(bucket: Int?, passes: Bool)] {
        let key = unsafe XXH3.hash(unit)
        return (0..<count).map { index in
            let offset = enrolmentOffset + index * RecordLayout.drawSize
            let bucket = unsafe bucket(of: unit, key, inDrawAt: offset)
            let passes = bucket.map { outcome(ofDrawAt: offset, bucket: $0).nextDrawOffset != nil }
            return (bucket.map { Int($0) }, passes ?? false)
        }
    }

    /// Where the draws of the enrolment begin: behind the gate.
    private var enrolmentOffset: Int {
        Int(truncatingIfNeeded: word(RecordLayout.filter) & 0xFFFF_FFFF) &+ EnrolmentGate.size
    }

    /// The bucket of a unit in a further draw, or nil if it has none.
    private func bucket(of unit: UnsafeRawBufferPointer, _ key: UInt64, inDrawAt offset: Int) -> UInt64? {
        if image[offset &+ RecordLayout.function] != 0 {
            return unsafe statedFunction(ofDrawAt: offset).result(for: unit)?.drawn
        }
        return Bucketing.bucket(ofKey: key, saltHash: image[offset &+ RecordLayout.salt])
    }

    /// The decision for a unit by the draw that the rollout states.
    @inline(__always)
    private func statedDraw(_ unit: UnsafeRawBufferPointer, _ marks: RecordMarks) -> Decision {
        let draw = marks.wideOffset
        guard let bucket = unsafe statedFunction(ofDrawAt: draw).bucket(of: unit) else { return decisionLeavingOut }
        return answer(outcome(ofDrawAt: draw, bucket: bucket), bucket: bucket)
    }

    /// What a unit gets that is not enrolled, or has no bucket: what a request without a unit gets, for another reason.
    var decisionLeavingOut: Decision { answer(Outcome(word: word(RecordLayout.missing)).because(.notEnrolled)) }

    /// The bucket that a unit is drawn into, whatever is forced, or nil if it is not enrolled or has none. Of a shadow, that of the
    /// sampling.
    func bucket(of unit: String) -> Int? {
        let marks = RecordMarks(rawValue: word(RecordLayout.marks))
        return unsafe unit.withUnitBytes { bytes in
            let key = unsafe XXH3.hash(bytes)
            if marks.contains(.enrolled), unsafe !passesEnrolment(bytes, key) { return nil }
            guard marks.contains(.stated) else { return Int(bucket(ofKey: key)) }
            return unsafe statedFunction(ofDrawAt: marks.wideOffset).result(for: bytes)?.drawn.map { Int($0) }
        }
    }

    /// The function of a further draw.
    func statedFunction(ofDrawAt offset: Int) -> StatedFunction {
        StatedFunction(image: image, start: Int(truncatingIfNeeded: image[offset &+ RecordLayout.function]))
    }

    /// The outcome of a further draw for a bucket.
    @inline(__always)
    private func outcome(ofDrawAt offset: Int, bucket: UInt64) -> Outcome {
        let marks = RecordMarks(rawValue: image[offset &+ RecordLayout.marks])
        if marks.contains(.wide) { return wideOutcome(marks, bucket: bucket) }
        let index = NarrowDraw.standing(image[offset &+ RecordLayout.bounds], at: bucket)
        return Outcome(word: image[offset &+ RecordLayout.outcomes &+ index])
    }

    private func wideDraw(at bucket: UInt64, _ marks: RecordMarks) -> Decision {
        answer(wideOutcome(marks, bucket: bucket), bucket: bucket)
    }

    @inline(__always)
    private func wideOutcome(_ marks: RecordMarks, bucket: UInt64) -> Outcome {
        WideDraw.outcome(in: image, at: marks.wideOffset, bucket: bucket)
            ?? WideDraw.search(in: image, at: marks.wideOffset, count: marks.segmentCount, bucket: bucket)
    }

    @inlinable
    @inline(__always)
    func narrowDraw(at bucket: UInt64) -> Decision {
        let index = NarrowDraw.standing(word(RecordLayout.bounds), at: bucket)
        return answer(Outcome(word: word(RecordLayout.outcomes &+ index)), bucket: bucket)
    }

    /// The answer that an outcome of a rule leads to: the outcome itself, or that of the draw to which it refers. The outcomes
    /// of that draw are answers.
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
    func word(_ index: Int) -> UInt64 { image.word(index, from: start) }
}
