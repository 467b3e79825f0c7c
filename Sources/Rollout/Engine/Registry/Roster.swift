/// The rollouts a router has ever served, each at the ordinal that its handles hold, with what is registered of it.
///
/// Ordinals are never reused.
struct Roster: Sendable {
    private var ordinals: [RolloutID: Int] = [:]
    private var rollouts: [RegisteredRollout] = []

    var count: Int { rollouts.count }

    subscript(id: RolloutID) -> Int? { ordinals[id] }

    /// What the rollout last had.
    subscript(ordinal: Int) -> RegisteredRollout { rollouts[ordinal] }

    /// Registers what a policy has new, and gives its new rollouts their ordinals.
    ///
    /// A rollout whose variants and cookie are what they last were is recognised without a search: most updates change
    /// shares, and to hash all names again would take longer than to compile them.
    ///
    /// - Parameters:
    ///   - ids: The policy's rollouts in the order in which new ones are numbered.
    ///   - policy: The policy.
    ///   - variants: Where variants are registered.
    ///   - cookies: Where cookies are registered.
    /// - Throws: `PolicyError` where a registry has no room for what is new; then nothing was registered.
    mutating func enrol(
        _ ids: [RolloutID],
        of policy: RolloutPolicy,
        in variants: VariantRegistry,
        _ cookies: CookieRegistry
    ) throws(PolicyError) {
        var new: [RolloutID] = []
        var records: [[VariantRecord]] = []
        var rules: [CookieRecord.Rules?] = []
        for id in ids {
            guard let definition = policy.rollouts[id] else { continue }
            let cookie = definition.cookieRules(of: id)
            let named = definition.strategy.variants
            if let ordinal = ordinals[id], rollouts[ordinal].has(named, cookie, as: variants) { continue }
            new.append(id)
            records.append(named.map { VariantRecord(rollout: id, name: $0.name, release: $0.release) })
            rules.append(cookie)
        }
        guard !new.isEmpty else { return }

        let registered = try cookies.intern(rules) { () throws(PolicyError) in
            guard let registered = variants.intern(records.flatMap(\.self)) else {
                throw PolicyError(PolicyProblem.tooManyVariants)
            }
            return registered
        }
        var rest = registered.rest[...]
        for (index, id) in new.enumerated() {
            let count = records[index].count
            set(RegisteredRollout(variants: Array(rest.prefix(count)), cookie: registered.cookies[index]), for: id)
            rest = rest.dropFirst(count)
        }
    }

    private mutating func set(_ rollout: RegisteredRollout, for id: RolloutID) {
        if let ordinal = ordinals[id] {
            rollouts[ordinal] = rollout
        } else {
            ordinals[id] = rollouts.count
            rollouts.append(rollout)
        }
    }
}

/// A rollout's variants and cookie, as registered.
struct RegisteredRollout: Sendable {
    /// In declared order, and at least one.
    let variants: [RegisteredVariant]
    /// The cookie, or none.
    let cookie: CookieReference

    /// Whether these are its variants and its cookie.
    func has(
        _ named: [(name: VariantName, release: Release)],
        _ rules: CookieRecord.Rules?,
        as registry: VariantRegistry
    ) -> Bool {
        guard named.count == variants.count, unsafe cookie.record?.pointee.rules == rules else { return false }
        return zip(variants, named).allSatisfy { known, variant in
            known.name == variant.name && registry.release(known.number) == variant.release
        }
    }
}

extension RolloutDefinition {
    /// The cookie that sessions keep, or nil for none; where nothing is drawn there is nothing to remember.
    fileprivate func cookieRules(of id: RolloutID) -> CookieRecord.Rules? {
        guard let sticky, strategy.draws else { return nil }
        return CookieRecord.Rules(rollout: id, cookie: sticky, assignsMissing: missingUnit == .assign)
    }
}
