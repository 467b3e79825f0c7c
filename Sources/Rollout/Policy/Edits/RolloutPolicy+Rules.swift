extension RolloutPolicy {
    /// Forces a unit to a variant, whatever it is forced to now.
    ///
    /// A unit may be forced to `canary` while there is none: it gets the first variant until the next canary starts.
    ///
    /// - Parameters:
    ///   - unit: The unit.
    ///   - variant: What it gets from now on.
    ///   - id: The rollout.
    /// - Throws: `EditError` if there is no such variant, or it answers nobody.
    public mutating func force(_ unit: UnitID, to variant: VariantName, in id: RolloutID) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            try edit.requireTarget(variant)
            edit.definition.forced[unit] = variant
        }
    }

    /// Gives a forced unit back to the draw.
    ///
    /// - Parameters:
    ///   - unit: The unit.
    ///   - id: The rollout.
    /// - Throws: `EditError` if the unit is not forced.
    public mutating func unforce(_ unit: UnitID, in id: RolloutID) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            guard edit.definition.forced.removeValue(forKey: unit) != nil else {
                let count = edit.definition.forced.count
                throw edit.refusal(
                    .unknownName,
                    "the unit \(quoted(unit.text)) is not forced",
                    count == 0 ? "no unit is" : count == 1 ? "1 other is" : "\(grouped(count)) others are"
                )
            }
        }
    }

    /// Forces the requests of a host to a variant, whatever they are forced to now.
    ///
    ///     try policy.setHost("canary.sms-app.local", to: "canary", in: .sms)
    ///
    /// A host may be given to `canary` while there is none: it gets the first variant until the next canary starts.
    ///
    /// - Parameters:
    ///   - host: The host, as a `Host` header has it.
    ///   - variant: What its requests get from now on.
    ///   - id: The rollout.
    /// - Throws: `EditError` if there is no such variant, or it answers nobody.
    public mutating func setHost(_ host: HostName, to variant: VariantName, in id: RolloutID) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            try edit.requireTarget(variant)
            edit.definition.hosts[host] = variant
        }
    }

    /// Gives the requests of a host back to the draw.
    ///
    /// - Parameters:
    ///   - host: The host.
    ///   - id: The rollout.
    /// - Throws: `EditError` if no rule names the host.
    public mutating func removeHost(_ host: HostName, from id: RolloutID) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            guard edit.definition.hosts.removeValue(forKey: host) != nil else {
                let others = edit.definition.hosts.keys.map(\.text).sorted()
                throw edit.refusal(
                    .unknownName,
                    "no rule names the host \(quoted(host.text))",
                    others.isEmpty ? "no host has one" : "there are rules for \(alternatives(others))"
                )
            }
        }
    }

    /// Takes a variant out of service at once: the first variant serves in its place, and its assignments lose.
    ///
    /// The epoch stays, so ``enable(_:in:)`` puts everything back. Use ``abort(_:)`` for what must not come back.
    ///
    /// - Parameters:
    ///   - variant: Any variant but the first.
    ///   - id: The rollout.
    /// - Throws: `EditError` if there is no such variant, or it is the first.
    public mutating func disable(_ variant: VariantName, in id: RolloutID) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            try edit.requireReplaceable(variant)
            edit.definition.disabled.insert(variant)
        }
    }

    /// Puts a disabled variant back into service.
    ///
    /// - Parameters:
    ///   - variant: The variant.
    ///   - id: The rollout.
    /// - Throws: `EditError` if there is no such variant.
    public mutating func enable(_ variant: VariantName, in id: RolloutID) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            try edit.requireVariant(variant)
            edit.definition.disabled.remove(variant)
        }
    }

    /// Lets a variant run dry: nobody is drawn into it any more, and live assignments keep it until they expire.
    ///
    /// - Parameters:
    ///   - variant: Any variant but the first.
    ///   - id: The rollout.
    /// - Throws: `EditError` if there is no such variant, or it is the first.
    public mutating func drain(_ variant: VariantName, in id: RolloutID) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            try edit.requireReplaceable(variant)
            edit.definition.draining.insert(variant)
        }
    }

    /// Lets units be drawn into a draining variant again.
    ///
    /// - Parameters:
    ///   - variant: The variant.
    ///   - id: The rollout.
    /// - Throws: `EditError` if there is no such variant.
    public mutating func undrain(_ variant: VariantName, in id: RolloutID) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            try edit.requireVariant(variant)
            edit.definition.draining.remove(variant)
        }
    }
}

extension RolloutEdit {
    /// A rule leads to a variant that answers requests, or waits for the next canary.
    fileprivate func requireTarget(_ variant: VariantName) throws(EditError) {
        let names = VariantNames(definition.strategy)
        if names.place(ofRuleFor: variant) != nil { return }
        if names.contains(variant) {
            throw refusal(
                .forbiddenVariant,
                "\"\(variant)\" receives copies and answers nobody",
                "name \(names.ruleWords), or promote the shadow"
            )
        }
        throw refusal(.unknownName, "it has no variant \"\(variant)\"", "a rule may name \(names.ruleWords)")
    }

    /// The first variant serves in place of all others, so no variant can serve in its place.
    func requireReplaceable(_ variant: VariantName) throws(EditError) {
        try requireVariant(variant)
        if variant == firstVariant {
            throw refusal(
                .forbiddenVariant,
                "\"\(variant)\" is the first variant, which serves in place of all others",
                "give it another release, or give others its share"
            )
        }
    }
}
