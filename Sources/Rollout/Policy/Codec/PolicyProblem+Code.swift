extension PolicyProblem {
    /// The kind of a problem. A minor release may add kinds.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The kind as a word, stable between releases.
        public let description: String

        private init(_ description: String) { self.description = description }

        /// The text is no JSON.
        public static let syntax = Code("syntax")
        /// The text has more bytes than a policy may.
        public static let tooLarge = Code("tooLarge")
        /// The text is nested deeper than a policy may be.
        public static let tooDeep = Code("tooDeep")
        /// More rollouts, variants, hosts, units or ranges than a policy may hold.
        public static let tooMany = Code("tooMany")
        /// More distinct variants than a process may ever know.
        public static let tooManyVariants = Code("tooManyVariants")
        /// More distinct cookies than a process may ever know.
        public static let tooManyCookies = Code("tooManyCookies")
        /// A new rollout for a router that already remembers as many removed ones as it may.
        public static let tooManyRemoved = Code("tooManyRemoved")
        /// The same key twice in one object.
        public static let duplicateKey = Code("duplicateKey")
        /// A key that means nothing here.
        public static let unknownKey = Code("unknownKey")
        /// Something that must be there is not.
        public static let missing = Code("missing")
        /// A value of another type than expected.
        public static let wrongType = Code("wrongType")
        /// A number outside its range, or not a multiple of its step.
        public static let outOfRange = Code("outOfRange")
        /// A word outside its list.
        public static let unknownValue = Code("unknownValue")
        /// A `schema` that this library does not read.
        public static let unsupportedSchema = Code("unsupportedSchema")
        /// A text that is no name.
        public static let badName = Code("badName")
        /// A text that is no version.
        public static let badVersion = Code("badVersion")
        /// A text that is empty, too long, or holds U+0000.
        public static let badText = Code("badText")
        /// A text that can be no host.
        public static let badHost = Code("badHost")
        /// The same host twice, once its case, port and trailing dot are gone.
        public static let duplicateHost = Code("duplicateHost")
        /// A release without a component.
        public static let emptyRelease = Code("emptyRelease")
        /// A release that `compatible` does not list.
        public static let incompatibleRelease = Code("incompatibleRelease")
        /// A name that is no variant of the rollout.
        public static let unknownVariant = Code("unknownVariant")
        /// A variant where it may not stand: the first one disabled, the shadow forced.
        public static let forbiddenVariant = Code("forbiddenVariant")
        /// Two variants of one name, or one listed twice.
        public static let duplicateVariant = Code("duplicateVariant")
        /// Two variants that a token could not tell apart.
        public static let tagCollision = Code("tagCollision")
        /// Weights whose sum is 0.
        public static let badWeights = Code("badWeights")
        /// Ranges that do not tile the coverage, or do not agree with the weights.
        public static let badAllocation = Code("badAllocation")
        /// A cookie that browsers would not keep.
        public static let badCookie = Code("badCookie")
        /// `missingUnit` is `assign`, and no cookie remembers what was assigned.
        public static let needsSticky = Code("needsSticky")
    }
}
