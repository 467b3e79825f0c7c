extension RolloutPolicy {
    /// Sets the share of a canary, or of the requests that are copied to a shadow.
    ///
    /// Raising a canary's share only adds units to it, lowering it only removes some.
    ///
    ///     try policy.setShare(of: .sms, to: .percent(25))
    ///
    /// - Parameters:
    ///   - id: The rollout.
    ///   - share: The share it has from now on.
    /// - Throws: `EditError` if the strategy has no share, the variant is out of service, or the rollout's bucketing has too few
    ///   buckets to express the share of a canary.
    public mutating func setShare(of id: RolloutID, to share: Share) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            switch edit.definition.strategy {
            case .canary(_, let stable, let canary):
                if share > .zero { try edit.requireInService(.canary) }
                try edit.requireExact(share)
                edit.definition.strategy = .canary(share, stable: stable, canary: canary)
            case .shadow(_, let primary, let shadow):
                if share > .zero { try edit.requireInService(.shadow) }
                edit.definition.strategy = .shadow(share, primary: primary, shadow: shadow)
            case .fixed:
                throw edit.refusal(.wrongStrategy, "it has no share to set", "start a canary or a shadow first")
            case .abTest:
                throw edit.refusal(
                    .wrongStrategy,
                    "its variants share by weight",
                    "rebalance the weights, or set the coverage"
                )
            }
        }
    }

    /// Gives a variant another release. Raises the epoch if the release changes.
    ///
    /// - Parameters:
    ///   - variant: The variant.
    ///   - id: The rollout.
    ///   - release: What it serves from now on.
    /// - Throws: `EditError` if there is no such variant.
    public mutating func setRelease(
        of variant: VariantName,
        in id: RolloutID,
        to release: Release
    ) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            try edit.requireVariant(variant)
            switch edit.definition.strategy {
            case .fixed:
                edit.definition.strategy = .fixed(release)
            case .canary(let share, let stable, let canary):
                let isFirst = variant == .stable
                edit.definition.strategy =
                    .canary(share, stable: isFirst ? release : stable, canary: isFirst ? canary : release)
            case .shadow(let share, let primary, let shadow):
                let isFirst = variant == .primary
                edit.definition.strategy =
                    .shadow(share, primary: isFirst ? release : primary, shadow: isFirst ? shadow : release)
            case .abTest(var test):
                for index in test.variants.indices where test.variants[index].name == variant {
                    test.variants[index].release = release
                }
                edit.definition.strategy = .abTest(test)
            }
        }
    }

    /// Gives the rollout another salt, so that every unit is drawn anew. Raises the epoch if the salt changes.
    ///
    /// - Parameters:
    ///   - id: The rollout.
    ///   - salt: Its salt from now on, or nil for its id.
    /// - Throws: `EditError` if there is no such rollout.
    public mutating func setSalt(of id: RolloutID, to salt: String?) throws(EditError) {
        try edit(id) { edit in edit.definition.salt = salt }
    }

    /// Edits a rollout completely or not at all, and raises its epoch if the change demands that.
    mutating func edit(_ id: RolloutID, _ body: (inout RolloutEdit) throws(EditError) -> Void) throws(EditError) {
        var edit = try edit(of: id)
        try body(&edit)
        try keep(edit)
    }

    // What does not depend on the edit is never inlined: the compiler would make a copy of it for every edit there is.

    @inline(never)
    private func edit(of id: RolloutID) throws(EditError) -> RolloutEdit {
        if let definition = rollouts[id] { return RolloutEdit(id: id, definition: definition) }
        let known = rollouts.keys.sorted().map(\.text)
        throw EditError(
            code: .unknownRollout,
            rollout: id,
            strategy: nil,
            problem: "the policy has no such rollout",
            advice: known.isEmpty ? "it has none at all" : "it has \(alternatives(known))"
        )
    }

    @inline(never)
    private mutating func keep(_ edit: RolloutEdit) throws(EditError) {
        var edit = edit
        if let old = rollouts[edit.id], EpochDemand(of: edit.definition, after: old, id: edit.id) != nil {
            try edit.raiseEpoch()
        }
        rollouts[edit.id] = edit.definition
    }
}

/// A rollout while it is edited.
struct RolloutEdit {
    let id: RolloutID
    var definition: RolloutDefinition

    var firstVariant: VariantName? { definition.strategy.variants.first?.name }

    func refusal(_ code: EditError.Code, _ problem: String, _ advice: String) -> EditError {
        EditError(code: code, rollout: id, strategy: definition.strategy.kind, problem: problem, advice: advice)
    }

    func requireVariant(_ variant: VariantName) throws(EditError) {
        let names = definition.strategy.variants.map(\.name)
        guard names.contains(variant) else {
            throw refusal(
                .unknownName,
                "it has no variant \"\(variant)\"",
                "it has \(alternatives(names.map(\.text)))"
            )
        }
    }

    func requireInService(_ variant: VariantName) throws(EditError) {
        if definition.disabled.contains(variant) {
            throw refusal(.outOfService, "\"\(variant)\" is disabled", "enable it, or start anew")
        }
        if definition.draining.contains(variant) {
            throw refusal(.outOfService, "\"\(variant)\" is draining", "undrain it, or start anew")
        }
    }

    /// Refuses a share that the rollout's bucketing cannot express, because another one would occur.
    func requireExact(_ share: Share) throws(EditError) {
        let grid = BucketGrid(definition.bucketing)
        let (below, above) = grid.nearest(to: share)
        guard below != above else { return }
        throw refusal(
            .inexactShare,
            "its bucketing has \(grouped(grid.cells)) buckets, which cannot express \(share)",
            "set \(below) or \(above), or convert it to the library's own hash"
        )
    }

    mutating func raiseEpoch() throws(EditError) {
        let (next, overflow) = definition.epoch.addingReportingOverflow(1)
        guard !overflow else {
            throw refusal(.epochsExhausted, "its epoch is the highest there is", "give the rollout another id")
        }
        definition.epoch = next
    }

    /// Changes the strategy. Rules that name the first variant name the new first one, those that name `canary` stay.
    mutating func setStrategy(_ strategy: RolloutStrategy) {
        let (old, names) = (firstVariant, VariantNames(strategy))
        definition.strategy = strategy
        if let first = names.first, first != old {
            definition.hosts = definition.hosts.mapValues { $0 == old ? first : $0 }
            definition.forced = definition.forced.mapValues { $0 == old ? first : $0 }
        }
        definition.disabled = definition.disabled.filter(names.contains)
        definition.draining = definition.draining.filter(names.contains)
    }
}

/// Why an edit makes no sense for the rollout as it is now. The policy is untouched.
public struct EditError: Error, Hashable, Sendable {
    /// The kind of problem, for programs.
    public let code: Code
    /// The rollout that was to be edited.
    public let rollout: RolloutID
    /// Its present strategy, or nil if the policy has no such rollout.
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
        /// The rollout has no variant of that name, or no rule for that unit or that host.
        public static let unknownName = Code("unknownName")
        /// The rollout has a variant of that name already.
        public static let nameTaken = Code("nameTaken")
        /// More variants than a rollout may have.
        public static let tooMany = Code("tooMany")
        /// The rollout's strategy has nothing for the edit to change.
        public static let wrongStrategy = Code("wrongStrategy")
        /// A canary or a shadow is under way.
        public static let underWay = Code("underWay")
        /// The variant is disabled or draining.
        public static let outOfService = Code("outOfService")
        /// The variant must not stand here: the first one disabled, the shadow forced.
        public static let forbiddenVariant = Code("forbiddenVariant")
        /// A share that the few buckets of the rollout's bucketing cannot express.
        public static let inexactShare = Code("inexactShare")
        /// The rollout draws by the library's own hash, and there is nothing to convert.
        public static let notStated = Code("notStated")
        /// Weights out of range, or all of them 0.
        public static let badWeights = Code("badWeights")
        /// Shares that cannot be reached without moving units between variants that the edit is not about.
        public static let needsSwap = Code("needsSwap")
        /// A variant that would be left without a bucket, so that its units could not come back to it.
        public static let losesPlace = Code("losesPlace")
        /// The rollout breaks a rule of policies, so nothing can be computed from it.
        public static let invalidRollout = Code("invalidRollout")
        /// The epoch is the highest there is.
        public static let epochsExhausted = Code("epochsExhausted")
    }
}

extension EditError {
    /// Whether the rollout is in another state than the edit needs, so that it may be right for what the caller has in mind:
    /// look at the policy, and decide again. An HTTP service answers 409.
    public var isConflict: Bool { [.nameTaken, .wrongStrategy, .underWay, .outOfService].contains(code) }

    /// Whose part it is to do something about the error: the caller's, unless the rollout itself lets nobody edit it.
    public var fault: Fault { [.invalidRollout, .epochsExhausted].contains(code) ? .document : .caller }
}

extension EditError: CustomStringConvertible {
    /// Rollout, problem and advice: `rollout "ui" (fixed): it has no share to set; start a canary or a shadow first`.
    public var description: String {
        "rollout \"\(rollout)\"\(strategy.map { " (\($0.rawValue))" } ?? ""): \(problem); \(advice)"
    }
}

extension EditError: Encodable {
    /// Encodes the error as an object of `code`, `message`, `rollout`, `strategy` (null if there is no such rollout),
    /// `problem` and `advice`.
    public func encode(to encoder: any Encoder) throws {
        let tree = JSONTree.object([
            ("code", .string(code.description)),
            ("message", .string(description)),
            ("rollout", .string(rollout.text)),
            ("strategy", strategy.map { .string($0.rawValue) } ?? .null),
            ("problem", .string(problem)),
            ("advice", .string(advice)),
        ])
        try tree.encode(to: encoder)
    }
}
