/// What a session asks of a record beyond a decision. Pure and total, as all of the engine.
extension RolloutRecord {
    /// The policy's revision and the rollout's epoch, as a decision holds them. On one router it names one policy.
    @inline(__always)
    var origin: UInt64 { word(RecordLayout.origin) }

    /// Where the rollout's cookie is. Do not follow it while the image is read: it may be torn until the read has ended.
    @inline(__always)
    var cookie: CookieReference { CookieReference(word: word(RecordLayout.cookie)) }

    /// Whether a session has nothing to do here, because the rollout has neither a cookie nor host rules.
    @inline(__always)
    var isFreeOfSessions: Bool {
        cookie == .absent && !RecordMarks(rawValue: word(RecordLayout.marks)).contains(.hosts)
    }

    /// Whether units are drawn into variants, so that an assignment means something.
    var honoursAssignments: Bool { AssignmentRules(of: word(RecordLayout.assignments)).contains(.honoured) }

    /// How an assignment stands under this policy.
    enum Standing: Hashable, Sendable {
        /// It can hold: of this epoch, and its variant still takes assignments or does not matter.
        case current
        /// Of an older epoch.
        case older
        /// Of an epoch that this policy does not know yet.
        case newer
        /// Its variant is gone, is disabled, or (unless it is an invitation) has no share left.
        case gone
    }

    /// How an assignment stands. If it pins no variant, or the rollout pins only buckets, it has no variant to lose. An
    /// invitation always pins its variant, and does not lose it with the share.
    func standing(of assignment: Assignment) -> Standing {
        let epoch = UInt32(truncatingIfNeeded: origin >> 32)
        if assignment.epoch != epoch { return assignment.epoch > epoch ? .newer : .older }
        if assignment.tag == .notEnrolled { return .current }
        let table = word(RecordLayout.assignments)
        let isHeld =
            AssignmentRules(of: table).contains(.pinsBucket)
            ? !assignment.isInvitation : TagTable.outcome(for: assignment.tag, in: image, table: table) != nil
        if isHeld { return .current }
        return assignment.isInvitation && adopted(assignment.tag) != nil ? .current : .gone
    }

    /// What a variant answers to those who bring it with them, no matter its share: as another service's decision, or as an
    /// invitation. Nil if this policy lacks the variant, or has it disabled.
    func adopted(_ tag: VariantTag) -> Outcome? {
        TagTable.outcome(for: tag, in: image, table: word(RecordLayout.adoptions))
    }

    /// The decision for a browser that is invited into a variant, or nil if nobody can be.
    func decision(inviting tag: VariantTag) -> Decision? { honoursAssignments ? adopted(tag).map { answer($0) } : nil }

    /// The decision that another service made, in this service's release of the variant; nil if this policy is of another
    /// epoch, lacks the variant, or has it disabled.
    ///
    /// The other service has asked its rules, so hosts and forced units are not asked again. If the strategy draws no variant,
    /// the answer is the plain one, with its copy to a shadow.
    func decision(adopting tag: VariantTag, epoch: UInt32, for request: RequestBytes) -> Decision? {
        guard UInt32(truncatingIfNeeded: origin >> 32) == epoch, let outcome = adopted(tag) else { return nil }
        let rules = AssignmentRules(of: word(RecordLayout.assignments))
        if rules.contains(.honoured) { return answer(outcome) }
        guard let unit = request.hashedUnit else { return decisionWithoutUnit() }
        return draw(at: bucket(ofKey: unit.key), RecordMarks(rawValue: word(RecordLayout.marks)))
    }
}
