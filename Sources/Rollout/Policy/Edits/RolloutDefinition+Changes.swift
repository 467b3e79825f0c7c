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

/// One thing that a definition says, with its default if the document need not say it.
private struct Property {
    /// What is the same thing in two definitions, wherever it stands. Compared by bytes, as all names are.
    let key: JSONPath
    let place: JSONPath
    let value: JSONTree
    /// What it means if this value follows another one; null is none.
    let meaning: (_ old: JSONTree, _ new: JSONTree) -> String

    init(
        _ key: JSONPath,
        at place: JSONPath? = nil,
        _ value: JSONTree,
        _ meaning: @escaping (JSONTree, JSONTree) -> String
    ) {
        self.key = key
        self.place = place ?? key
        self.value = value
        self.meaning = meaning
    }

    init(_ key: JSONPath, at place: JSONPath? = nil, _ value: JSONTree, _ meaning: String) {
        self.init(key, at: place, value) { _, _ in meaning }
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
    private var dormant: String? {
        strategy.draws
            ? nil
            : "dormant while the strategy is \(strategy.kind.rawValue): no answer changes before units are drawn again"
    }

    // MARK: The strategy

    private func strategyProperties(beside other: RolloutStrategy, on otherGrid: BucketGrid) -> [Property] {
        let path: JSONPath = "strategy"
        var properties = [
            Property(path.appending("type"), .string(strategy.kind.rawValue), "the rollout has another strategy"),
            Property(
                "first",
                at: strategy.kind == .abTest ? path.appending("variants").appending(0).appending("name") : path,
                .string(strategy.variants.first?.name.text ?? ""),
                "another variant is the first, which serves in place of all others"
            ),
        ]
        let renamed = strategy.places(renamedIn: other)
        for (index, place) in strategy.releasePaths(from: JSONPath()).enumerated() {
            let variant = strategy.variants[index]
            guard renamed.contains(index) else {
                properties.append(release(of: variant, at: place))
                continue
            }
            properties.append(
                Property(place, PolicyWriter.tree(of: variant.release), "\"\(variant.name)\" serves another release")
            )
            let name = path.appending("variants").appending(index).appending("name")
            properties.append(
                Property(name, .string(variant.name.text)) { old, new in
                    "\(new.canonicalText) stands in place of \(old.canonicalText), whose cookies lose"
                }
            )
        }
        switch strategy {
        case .fixed: break
        case .canary(let share, _, _):
            properties.append(
                Property(
                    path.appending("percent"),
                    .number(share.percentText)
                ) { old, new in
                    Self.share("of the units gets the canary", old, new, isOther: other.kind != .canary)
                }
            )
        case .shadow(let share, _, _):
            properties.append(
                Property(
                    path.appending("percent"),
                    .number(share.percentText)
                ) { old, new in
                    Self.share("of the requests is copied", old, new, isOther: other.kind != .shadow)
                }
            )
        case .abTest(let test): properties += testProperties(test, beside: other, on: otherGrid)
        }
        return properties
    }

    private static func share(_ whom: String, _ old: JSONTree, _ new: JSONTree, isOther: Bool) -> String {
        if new.isNull { return "the strategy has no share any more" }
        return (old.isNull || isOther ? "this share " : "another share ") + whom
    }

    private func release(of variant: (name: VariantName, release: Release), at place: JSONPath) -> Property {
        Property(
            JSONPath([.key("release"), .key(variant.name.text)]),
            at: place,
            PolicyWriter.tree(of: variant.release)
        ) { old, new in
            if old.isNull { return "there is a variant \"\(variant.name)\"" }
            if new.isNull { return "\"\(variant.name)\" is gone, and its cookies lose" }
            return "\"\(variant.name)\" serves another release"
        }
    }

    private func testProperties(
        _ test: RolloutStrategy.ABTest,
        beside other: RolloutStrategy,
        on otherGrid: BucketGrid
    ) -> [Property] {
        let path: JSONPath = "strategy"
        let others = VariantNames(other)
        let both = test.variants.map(\.name).filter(others.contains)
        var properties = [
            Property(
                path.appending("coverage"),
                .number(test.coverage.percentText)
            ) { old, new in
                if new.isNull { return "the strategy has no coverage any more" }
                return old.isNull ? "this share of the units is enrolled" : "another share of the units is enrolled"
            },
            Property(
                path.appending("allocation"),
                test.allocation.map { .array($0.map { PolicyWriter.tree(of: $0) }) } ?? .null
            ) { _, _ in
                guard case .abTest(let earlier) = other else { return "the ranges go or come with the strategy" }
                return OwnedRanges(earlier, on: otherGrid).written == OwnedRanges(test, on: grid).written
                    ? "the same ranges of buckets are written in another way" : "buckets have other owners"
            },
        ]
        let renamed = strategy.places(renamedIn: other)
        for index in renamed.sorted() {
            let variant = test.variants[index]
            let place = path.appending("variants").appending(index).appending("weight")
            properties.append(Property(place, .integer(variant.weight), "\"\(variant.name)\" has another weight"))
        }
        for (index, variant) in test.variants.enumerated() where others.contains(variant.name) {
            let place = path.appending("variants").appending(index).appending("weight")
            properties.append(
                Property(JSONPath([.key("weight"), .key(variant.name.text)]), at: place, .integer(variant.weight)) {
                    old,
                    _ in
                    old.isNull ? "\"\(variant.name)\" has a weight" : "\"\(variant.name)\" has another weight"
                }
            )
        }
        if case .abTest = other {
            properties.append(
                Property(
                    "order",
                    at: path.appending("variants"),
                    .array(both.map { .string($0.text) }),
                    "the variants stand in another order, in which their buckets are laid out if no ranges are written"
                )
            )
        }
        return properties
    }

    // MARK: The cookie

    private func cookieProperties(_ other: StickyCookie?) -> [Property] {
        guard let cookie = sticky else { return [] }
        guard other != nil else {
            return [
                Property("sticky", PolicyWriter.tree(of: cookie)) { old, _ in
                    old.isNull
                        ? "a cookie remembers assignments from now on"
                        : "no cookie is read or written any more: sessions are drawn by their units alone"
                }
            ]
        }
        let path: JSONPath = "sticky"
        let isSameDomain = cookie.normalizedDomain == other?.normalizedDomain
        let properties = [
            Property(
                path.appending("cookie"),
                .string(cookie.name),
                "the cookie is renamed: live sessions are drawn anew"
            ),
            Property(path.appending("maxAge"), .integer(cookie.maxAge)) { old, new in
                new.isBelow(old)
                    ? "assignments last shorter: cookies that are older than that lose at once"
                    : "new assignments last longer"
            },
            Property(path.appending("pin"), .string(cookie.pin.rawValue)) { _, new in
                new.isString("variant")
                    ? "a cookie keeps the variant, not only the bucket"
                    : "a cookie keeps the bucket alone: sessions follow a change of shares at once"
            },
            Property(path.appending("secure"), .boolean(cookie.isSecure)) { _, new in
                new.isTrue ? "the cookie travels over HTTPS only" : "the cookie travels over plain HTTP too"
            },
            Property(
                path.appending("sameSite"),
                .string(cookie.sameSite.rawValue),
                "browsers decide by another rule whether requests from other sites bring the cookie"
            ),
            Property(
                path.appending("path"),
                .string(cookie.path),
                "browsers send new cookies to other paths, and keep those of the old path: sessions end where these are not sent"
            ),
            Property(
                path.appending("domain"),
                cookie.domain.map { .string($0) } ?? .null,
                isSameDomain
                    ? "the same domain in another spelling: tokens keep"
                    : "browsers send the cookie to other hosts, and tokens of the old scope lose: live sessions are drawn anew"
            ),
        ]
        return dormant.map { text in properties.map { Property($0.key, at: $0.place, $0.value, text) } } ?? properties
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

extension RolloutStrategy {
    /// The places, but the first, at which two tests have different variants that the other test does not have at all.
    fileprivate func places(renamedIn other: RolloutStrategy) -> Set<Int> {
        guard case .abTest(let test) = self, case .abTest(let next) = other else { return [] }
        let (names, others) = (VariantNames(self), VariantNames(other))
        let places = zip(test.variants, next.variants).enumerated().filter { _, pair in
            !others.contains(pair.0.name) && !names.contains(pair.1.name)
        }
        return Set(places.map(\.offset)).subtracting([0])
    }
}

extension JSONTree {
    fileprivate var isNull: Bool { if case .null = self { true } else { false } }

    fileprivate var isTrue: Bool { if case .boolean(true) = self { true } else { false } }

    fileprivate func isString(_ text: String) -> Bool { says(the: .string(text)) }

    fileprivate func isBelow(_ other: JSONTree) -> Bool {
        guard case .integer(let left) = self, case .integer(let right) = other else { return false }
        return left < right
    }
}
