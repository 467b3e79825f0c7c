extension RolloutDefinition {
    /// What changes if another definition follows this one, in the order of places in the document.
    ///
    /// **Claim:** two definitions that differ in anything but an order that means nothing have a change. Because each
    /// property of a definition is a member of both lists below, and two lists are compared by their keys.
    func changes(to next: RolloutDefinition, id: RolloutID) -> [PolicyChange] {
        let (before, after) = (properties(id, beside: next), next.properties(id, beside: self))
        let old = Dictionary(before.map { ($0.key, $0) }) { first, _ in first }
        let new = Dictionary(after.map { ($0.key, $0) }) { first, _ in first }
        var changes: [PolicyChange] = []
        for property in after {
            let earlier = old[property.key]?.value ?? .null
            guard !earlier.says(the: property.value) else { continue }
            let text = property.meaning(earlier, property.value)
            changes.append(PolicyChange(text: text, place: property.place, values: (earlier, property.value)))
        }
        for property in before where new[property.key] == nil && !property.value.isNull {
            let text = property.meaning(property.value, .null)
            changes.append(PolicyChange(text: text, place: property.place, values: (property.value, .null)))
        }
        return changes
    }
}

extension RolloutDefinition {
    fileprivate func properties(_ id: RolloutID, beside other: RolloutDefinition) -> [Property] {
        strategyProperties(beside: other.strategy, on: other.grid) + ownProperties(id, beside: other)
            + cookieProperties(other.sticky) + ruleProperties + planProperties
    }

    private func ownProperties(_ id: RolloutID, beside other: RolloutDefinition) -> [Property] {
        [
            Property(
                "salt",
                .string(salt ?? id.text),
                bucketing == nil || other.bucketing == nil
                    ? "every unit is drawn anew"
                    : "only the copies to a shadow are drawn by it, and units once they are drawn by no stated bucketing"
            ),
            Property("bucketing", bucketing.map { PolicyWriter.tree(of: $0) } ?? .null) { _, new in
                if let dormant { return dormant }
                return new.isNull
                    ? "every unit is drawn anew, by the library's own hash"
                    : "every unit is drawn anew, by another function"
            },
            Property("enrolment", enrolment.isEmpty ? .null : PolicyWriter.tree(of: enrolment)) { _, new in
                if let dormant { return dormant }
                return new.isNull
                    ? "every unit is drawn, whatever draws stood before" : "other units are drawn: not all are enrolled"
            },
            Property("epoch", .integer(Int(epoch)), "cookies that hold another epoch lose"),
            Property("missingUnit", .string(missingUnit.rawValue)) { _, new in
                if let dormant { return dormant }
                return new.isString("assign")
                    ? "a request without a unit is given a bucket, which its cookie remembers"
                    : "a request without a unit gets the first variant"
            },
            Property(
                "disabled",
                names(disabled),
                service(\.disabled, after: other, "nobody gets a variant that is disabled, by whatever rule")
            ),
            Property(
                "draining",
                names(draining),
                service(\.draining, after: other, "nobody is drawn into a variant that drains; live cookies keep it")
            ),
            Property(
                "compatible",
                compatible.map { .array($0.map { PolicyWriter.tree(of: $0) }) } ?? .null,
                "other releases may be served from now on; no answer changes by that"
            ),
        ]
    }

    private func names(_ variants: Set<VariantName>) -> JSONTree { .array(variants.sorted().map { .string($0.text) }) }

    /// What it means that variants went out of service, or came back, in one of two ways.
    private func service(
        _ way: KeyPath<RolloutDefinition, Set<VariantName>>,
        after other: RolloutDefinition,
        _ out: String
    ) -> String {
        let (before, now) = (other[keyPath: way], self[keyPath: way])
        var texts = now.isSubset(of: before) ? [] : [out]
        let present = VariantNames(strategy)
        for variant in before.subtracting(now).sorted() {
            texts.append("\"\(variant)\" " + (present.contains(variant) ? whatLeads(to: variant) : "is gone"))
        }
        return texts.joined(separator: "; ")
    }

    private func whatLeads(to variant: VariantName) -> String {
        if disabled.contains(variant) { return "is disabled now" }
        if draining.contains(variant) {
            return "only drains now: hosts, forced units and cookies lead there again, and no draws"
        }
        if strategy.kind == .shadow { return "is back in service: requests are copied to it again" }
        return "is back in service: draws, hosts, forced units and cookies lead there again"
    }

    /// What a change of something that only draws make use of means, if there are none.
    var dormant: String? {
        strategy.draws
            ? nil
            : "dormant while the strategy is \(strategy.kind.rawValue): no answer changes before units are drawn again"
    }

    // MARK: Plans

    private var planProperties: [Property] {
        let rise =
            "the canary rises by another plan, and what was shown of it counts no more; no answer changes by that"
        let weights = "the weights follow by another plan; no answer changes by that"
        return (progression.map(PolicyWriter.members) ?? []).map { property($0, of: "progression", rise) }
            + (adaptation.map(PolicyWriter.members) ?? []).map { property($0, of: "adaptation", weights) }
    }

    private func property(_ member: (key: String, value: JSONTree), of plan: JSONPath, _ meaning: String) -> Property {
        Property(plan.appending(member.key), member.value, meaning)
    }

    // MARK: Hosts and units

    private var ruleProperties: [Property] {
        let byHost = hosts.sorted { $0.key.text < $1.key.text }.map { host, variant in
            rule("hosts", host.text, variant, "requests of the host are")
        }
        let byUnit = forced.sorted { $0.key.text < $1.key.text }.map { unit, variant in
            rule("forced", unit.text, variant, "the unit is")
        }
        return byHost + byUnit
    }

    private func rule(_ table: JSONPath, _ name: String, _ variant: VariantName, _ whoIs: String) -> Property {
        let place = table.appending(name)
        return Property(place, .string(variant.text)) { old, new in
            if old.isNull { return "\(whoIs) forced to a variant" }
            return new.isNull ? "\(whoIs) drawn like any other" : "\(whoIs) forced to another variant"
        }
    }
}
