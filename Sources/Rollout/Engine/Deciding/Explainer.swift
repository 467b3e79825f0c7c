extension CompiledPolicy {
    /// The variants of a rollout, in declared order; none if no policy ever had it.
    func variants(of id: RolloutID) -> [RegisteredVariant] { roster[id].map { roster[$0].variants } ?? [] }

    /// Explains a request in the rollout whose record starts at a word.
    func explanation(
        for unit: String?,
        host: String?,
        holding assignment: Assignment?,
        recordAt start: Int
    ) -> Explanation {
        let unit = unit.flatMap { $0.isEmpty ? nil : $0 }
        return withExtendedLifetime(self) {
            RequestBytes.with(unit: unit, host: host) { request in
                let record = RolloutRecord(image, start: start)
                let decision = record.decision(for: request, holding: assignment)
                let id = decision.variant.rollout
                guard let definition = served(id) else {
                    return Explanation(absent: id, in: policy, unit: unit, host: host, decision)
                }
                let explainer = Explainer(
                    id: id,
                    definition: definition,
                    variants: variants(of: id),
                    record: record,
                    request: request,
                    unit: unit,
                    host: host,
                    assignment: assignment
                )
                return explainer.explanation(of: decision)
            }
        }
    }
}

extension Explanation {
    fileprivate init(absent id: RolloutID, in policy: RolloutPolicy, unit: String?, host: String?, _ decision: Decision)
    {
        let saw = "revision \(policy.revision) has no rollout \(quoted(id.text))"
        self.init(
            rollout: id,
            strategy: nil,
            unit: unit,
            host: host,
            steps: [Step(rule: .absent, saw: saw, answer: decision, decides: true, draw: nil)],
            sampling: nil,
            decision: decision,
            progression: nil,
            adaptation: nil
        )
    }
}

/// Asks the rules of a record one by one.
///
/// The answers are the engine's own: each comes from the function that the record calls when it decides. Only the words
/// that say what a rule saw come from the policy. `ExplanationTests` checks that the first answer is the engine's
/// decision.
private struct Explainer {
    let id: RolloutID
    let definition: RolloutDefinition
    let variants: [RegisteredVariant]
    let record: RolloutRecord
    let request: RequestBytes
    let unit: String?
    let host: String?
    let assignment: Assignment?

    /// What a rule says, before it is known whether an earlier one has decided.
    private typealias Finding = (rule: Explanation.Rule, saw: String, answer: Decision?, draw: Explanation.Draw?)

    func explanation(of decision: Decision) -> Explanation {
        let findings = [hostRule(), forcedUnit(), heldAssignment()] + enrolment() + [draw(), missingUnit()]
        let deciding = findings.firstIndex { $0.answer != nil }
        return Explanation(
            rollout: id,
            strategy: definition.strategy.kind,
            unit: unit,
            host: host,
            steps: findings.enumerated().map { index, finding in
                Explanation.Step(
                    rule: finding.rule,
                    saw: finding.saw,
                    answer: finding.answer,
                    decides: index == deciding,
                    draw: finding.draw
                )
            },
            sampling: sampling(decision),
            decision: decision,
            progression: definition.progression,
            adaptation: definition.adaptation
        )
    }

    // MARK: Rules that name a variant

    private func hostRule() -> Finding {
        let name = host.map { HostName($0) }
        let answer = marks.contains(.hosts) ? record.hosted(request) : nil
        let saw: String
        if let name, !name.text.isEmpty {
            if let variant = definition.hosts[name] {
                saw = "\(quoted(name.text)) is given \(described(variant))"
            } else {
                let others = counted(definition.hosts.count, "host has", "hosts have")
                saw = "no rule names \(quoted(name.text)); \(others) one"
            }
        } else {
            saw = "the request names no host"
        }
        return (.host, saw, answer, nil)
    }

    private func forcedUnit() -> Finding {
        guard let unit, let bytes = request.hashedUnit else { return (.forced, "the request brings no unit", nil, nil) }
        let answer = marks.contains(.forced) ? record.forced(bytes) : nil
        let saw =
            if let variant = definition.forced[UnitID(unit)] {
                "\(quoted(unit)) is forced to \(described(variant))"
            } else {
                "\(quoted(unit)) is not forced; \(counted(definition.forced.count, "unit is", "units are"))"
            }
        return (.forced, saw, answer, nil)
    }

    private func described(_ variant: VariantName) -> String {
        if definition.disabled.contains(variant) { return "\(variant), which is disabled" }
        return variants.contains { $0.name == variant } ? variant.text : "\(variant), and there is none at present"
    }

    // MARK: The assignment

    /// What the engine makes of the assignment, whether it decides or only supplies a bucket.
    private var honoured: Decision? {
        assignment.flatMap { record.decision(honouring: $0, hasUnit: unit != nil, marks) }
    }

    /// Whether the assignment decides. Otherwise, if the engine answers at all, the assignment has only supplied the
    /// bucket of a visitor without a unit, and the draw decides by it.
    private func holds(_ assignment: Assignment, _ answer: Decision) -> Bool {
        if answer.reason == .sticky || answer.reason == .stale { return true }
        return pinsBucket && assignment.isBinding && assignment.epoch == definition.epoch
    }

    private func heldAssignment() -> Finding {
        guard let assignment else { return (.assignment, "the request holds none", nil, nil) }
        guard definition.strategy.draws else {
            return (.assignment, "a rollout of this strategy keeps no assignments", nil, nil)
        }
        let honoured = honoured
        let holds = honoured.map { self.holds(assignment, $0) } ?? false
        let bucket = assignment.bucket.map { "bucket \(grouped($0))" } ?? "no bucket"
        var saw = bucket
        if assignment.isInvitation {
            saw = "an invitation, \(variant(of: assignment)), epoch \(assignment.epoch)"
        } else if assignment.isBinding {
            saw = "\(variant(of: assignment)), \(bucket), epoch \(assignment.epoch)"
        }
        if holds {
            if honoured?.reason == .stale { saw += ": newer than this policy's epoch \(definition.epoch)" }
            return (.assignment, saw, honoured, pinsBucket && honoured?.reason != .stale ? bucketDraw() : nil)
        }
        saw += ": " + whyNot(assignment)
        if honoured != nil { saw += "; the draw takes its bucket" }
        return (.assignment, saw, nil, nil)
    }

    private func whyNot(_ assignment: Assignment) -> String {
        guard assignment.isBinding else { return "it names no variant" }
        switch record.standing(of: assignment) {
        case .older: return "older than this policy's epoch \(definition.epoch)"
        case .gone where assignment.isInvitation: return "the variant is gone or disabled"
        case .gone: return "the variant is gone, has no share left, or is disabled"
        case .current, .newer: break
        }
        if !pinsBucket { return "the visitor was not enrolled" }
        return unit == nil ? "it has no bucket to pin" : "only the bucket is pinned, and the unit has its own"
    }

    private func variant(of assignment: Assignment) -> String {
        if assignment.tag == .notEnrolled { return "of no variant" }
        return variants.first { $0.tag == assignment.tag }.map { "of \($0.name)" } ?? "of an unknown variant"
    }

    // MARK: The enrolment

    /// What each draw before the rollout's own says.
    private func enrolment() -> [Finding] {
        guard definition.strategy.draws, !definition.enrolment.isEmpty else { return [] }
        guard let unit = request.hashedUnit else {
            return definition.enrolment.map { (.enrolment, "\(named($0)): the request brings no unit", nil, nil) }
        }
        let buckets = unsafe record.enrolment(of: unit.bytes, count: definition.enrolment.count)
        return zip(definition.enrolment, buckets).map { draw, found in
            let bucket = found.bucket.map { "bucket \(grouped($0))" } ?? "the unit has no bucket there, which"
            let saw = "\(named(draw)): \(bucket) \(found.passes ? "is" : "is not") among those enrolled"
            return (.enrolment, saw, found.passes ? nil : record.decisionLeavingOut, nil)
        }
    }

    private func named(_ draw: EnrolmentDraw) -> String {
        switch draw.function {
        case .layer(let layer): "layer \(quoted(layer.text))"
        case .salt(let salt): "salt \(quoted(salt.text))"
        case .bucketing(let bucketing): "\(bucketing.hash.rawValue) of \(quoted(bucketing.text))"
        }
    }

    // MARK: The draw

    private func draw() -> Finding {
        switch definition.strategy.kind {
        case .fixed, .shadow:
            let saw = "\(variants[0].name) answers every request"
            let answer = request.hashedUnit.map { record.draw(at: record.bucket(ofKey: $0.key), marks) }
            return (.draw, saw, answer ?? record.decisionWithoutUnit(), nil)
        case .canary, .abTest: break
        }
        if let unit = request.hashedUnit {
            guard let draw = draw(of: unit) else { return (.draw, whyNoBucket, record.decisionLeavingOut, nil) }
            return (.draw, described(draw), record.draw(at: UInt64(draw.bucket), marks), draw)
        }
        guard let assignment, let honoured, !holds(assignment, honoured), let draw = bucketDraw() else {
            return (.draw, "the request brings no unit, and no bucket", nil, nil)
        }
        return (.draw, described(draw), honoured, draw)
    }

    /// The draw of a unit, or nil if the rollout's bucketing has no bucket for it.
    private func draw(of unit: BorrowedUnit) -> Explanation.Draw? {
        guard let bucketing = definition.bucketing else {
            return draw(Int(record.bucket(ofKey: unit.key)), .own(key: unit.key))
        }
        let function = record.statedFunction(ofDrawAt: marks.wideOffset)
        guard let result = unsafe function.result(for: unit.bytes), let bucket = result.drawn else { return nil }
        let stated = Explanation.StatedDraw(bucketing, unit: self.unit ?? "", result)
        return draw(Int(bucket), .stated(stated))
    }

    /// Why a unit has no bucket.
    private var whyNoBucket: String {
        definition.bucketing?.hash == .integer
            ? "\(quoted(unit ?? "")) is no decimal integer of 64 bits, and so nobody's"
            : "the number is 2^31, the only one that lies behind all buckets"
    }

    /// The draw by the bucket of the assignment.
    private func bucketDraw() -> Explanation.Draw? { assignment?.bucket.map { draw($0, .own(key: nil)) } }

    private func draw(_ bucket: Int, _ source: Explanation.Draw.Source) -> Explanation.Draw {
        let allocation = Allocation(definition)
        let names = allocation.variants.map(\.name)
        let ranges = allocation.runs.map { run in owned(by: run.owner.map { names[$0] }, run.buckets) }
        return Explanation.Draw(
            salt: salt,
            saltHash: Bucketing.saltHash(salt),
            source: source,
            bucket: bucket,
            ranges: ranges,
            place: ranges.firstIndex { $0.buckets.contains(bucket) } ?? 0
        )
    }

    private func owned(by variant: VariantName?, _ buckets: Range<Int>) -> Explanation.Ownership {
        Explanation.Ownership(
            variant: variant,
            buckets: buckets,
            isDisabled: variant.map(definition.disabled.contains) ?? false,
            isDraining: variant.map(definition.draining.contains) ?? false
        )
    }

    private func described(_ draw: Explanation.Draw) -> String {
        let owner = draw.owner
        let bucket = "bucket \(grouped(draw.bucket))"
        guard let variant = owner.variant else { return "\(bucket) belongs to nobody: it is outside the coverage" }
        if owner.isDisabled { return "\(bucket) belongs to \(variant), which is disabled" }
        return "\(bucket) belongs to \(variant)" + (owner.isDraining ? ", which is draining" : "")
    }

    // MARK: The rest

    private func missingUnit() -> Finding {
        if unit != nil { return (.missingUnit, "the request brings a unit", nil, nil) }
        guard definition.strategy.draws else { return (.missingUnit, "the strategy needs no unit", nil, nil) }
        return (.missingUnit, "the request brings no unit", record.decisionWithoutUnit(), nil)
    }

    private func sampling(_ decision: Decision) -> Explanation.Step? {
        guard case .shadow(let share, _, _) = definition.strategy else { return nil }
        let shadow = owned(by: .shadow, 0..<share.buckets)
        let rest = owned(by: nil, share.buckets..<Share.bucketCount)
        let draw = request.hashedUnit.map { unit in
            let ranges = [shadow, rest].filter { !$0.buckets.isEmpty }
            let bucket = Int(record.bucket(ofKey: unit.key))
            return Explanation.Draw(
                salt: Bucketing.derivedSalt(salt, "shadow"),
                saltHash: record.word(RecordLayout.salt),
                source: .own(key: unit.key),
                bucket: bucket,
                ranges: ranges,
                place: ranges.firstIndex { $0.buckets.contains(bucket) } ?? 0
            )
        }
        let saw =
            if let draw {
                if decision.shadow != nil {
                    "bucket \(grouped(draw.bucket)) is among the \(grouped(share.buckets)) copied (\(share))"
                } else if shadow.isDisabled || shadow.isDraining {
                    "no copy: shadow is \(shadow.isDisabled ? "disabled" : "draining")"
                } else {
                    "no copy: bucket \(grouped(draw.bucket)) is not among the \(grouped(share.buckets)) copied (\(share))"
                }
            } else {
                "no copy: the request brings no unit"
            }
        return Explanation.Step(rule: .shadow, saw: saw, answer: nil, decides: false, draw: draw)
    }

    private var salt: String { definition.salt ?? id.text }
    private var marks: RecordMarks { RecordMarks(rawValue: record.word(RecordLayout.marks)) }
    private var pinsBucket: Bool { definition.sticky?.pin == .bucket }

    private func counted(_ count: Int, _ one: String, _ many: String) -> String {
        count == 0 ? "no \(one)" : "\(grouped(count)) \(count == 1 ? one : many)"
    }
}
