extension RolloutPolicy {
    /// Lets a rollout draw by the library's own hash from now on, and no more by the one that another system has.
    ///
    ///     try policy.convert(.checkout)
    ///     print(try old.movement(to: policy))
    ///
    /// Every unit is drawn anew, independently of before, and shares that the few buckets of the other system had rounded are exact
    /// now. ``movement(to:)`` says who moves on average. Ranges that were written for those buckets give way to the weights; the
    /// coverage stays. The salt is the rollout's ``RolloutDefinition/salt``.
    ///
    /// The epoch stays. So where a cookie pins the variant, live sessions keep theirs until it expires, and units move one
    /// session after the other. The draws of an ``RolloutDefinition/enrolment`` stay what they are.
    ///
    /// - Parameter id: The rollout.
    /// - Throws: `EditError` if the rollout draws by the library's own hash already.
    public mutating func convert(_ id: RolloutID) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            guard edit.definition.bucketing != nil else {
                throw edit.refusal(
                    .notStated,
                    "it states no bucketing, and draws by the library's own hash",
                    "set its salt to draw every unit anew"
                )
            }
            if case .abTest(var test) = edit.definition.strategy {
                test.allocation = nil
                edit.definition.strategy = .abTest(test)
            }
            edit.definition.bucketing = nil
        }
    }
}
