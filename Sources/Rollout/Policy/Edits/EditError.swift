/// An edit makes no sense for the rollout as it is now. The policy is untouched.
public struct EditError: Error, Hashable, Sendable {
    /// The kind of problem, for programs.
    public let code: Code
    /// The rollout that was to be edited.
    public let rollout: RolloutID
    /// Its present strategy, or nil where the policy has no such rollout.
    public let strategy: RolloutStrategy.Kind?
    /// What is wrong.
    public let problem: String
    /// What would make sense instead.
    public let advice: String

    /// The kind of a problem. A minor release may add kinds.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The kind as a word, stable between releases.
        public let description: String

        private init(_ description: String) { self.description = description }

        /// The policy has no rollout of that id.
        public static let unknownRollout = Code("unknownRollout")
        /// The rollout has no variant of that name, or the unit is not forced.
        public static let unknownName = Code("unknownName")
        /// The rollout's strategy has nothing that the edit could change.
        public static let wrongStrategy = Code("wrongStrategy")
        /// A canary or a shadow is under way.
        public static let underWay = Code("underWay")
        /// The variant is disabled or draining.
        public static let outOfService = Code("outOfService")
        /// The variant may not stand here: the first one disabled, the shadow forced.
        public static let forbiddenVariant = Code("forbiddenVariant")
        /// Weights out of range, or all of them 0.
        public static let badWeights = Code("badWeights")
        /// A coverage that no allocation without swaps leads to.
        public static let needsSwap = Code("needsSwap")
        /// The rollout breaks a rule of policies, so nothing can be reckoned with it.
        public static let invalidRollout = Code("invalidRollout")
        /// The epoch is the highest there is.
        public static let epochsExhausted = Code("epochsExhausted")
    }
}

extension EditError: CustomStringConvertible {
    /// Rollout, problem and advice: `rollout "ui" (fixed): it has no share to set; start a canary or a shadow first`.
    public var description: String {
        "rollout \"\(rollout)\"\(strategy.map { " (\($0.rawValue))" } ?? ""): \(problem); \(advice)"
    }
}
