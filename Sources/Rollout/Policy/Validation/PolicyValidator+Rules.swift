extension PolicyValidator {
    /// Checks what names hosts, units and variants. If the names of the variants are not known, only the hosts and units.
    mutating func checkRules(of rollout: RolloutDefinition, names: VariantNames?, at path: JSONPath) {
        let (hosts, forced) = (path.appending("hosts"), path.appending("forced"))
        if check(rollout.hosts.count, "hosts", limit: PolicyLimits.hosts, at: hosts) {
            for (host, variant) in rollout.hosts.sorted(by: { $0.key.text < $1.key.text }) {
                check(host, at: hosts.appending(host.text))
                checkTarget(variant, among: names, at: hosts.appending(host.text))
            }
        }
        if check(rollout.forced.count, "forced units", limit: PolicyLimits.forcedUnits, at: forced) {
            for (unit, variant) in rollout.forced.sorted(by: { $0.key.text < $1.key.text }) {
                check(text: unit.text, at: forced.appending(unit.text))
                checkTarget(variant, among: names, at: forced.appending(unit.text))
            }
        }
        guard let names else { return }
        for (key, listed) in [("disabled", rollout.disabled), ("draining", rollout.draining)] {
            for name in listed.sorted() {
                checkReplaceable(name, among: names, at: path.appending(key))
            }
        }
    }

    /// Any variant but the first may be disabled or draining.
    private mutating func checkReplaceable(_ name: VariantName, among names: VariantNames, at path: JSONPath) {
        if name == names.first {
            let message = "\"\(name)\" is the first variant, which serves in place of all others"
            return report(.forbiddenVariant, at: path, message)
        }
        if names.contains(name) { return }
        let others = names.variants.dropFirst().map(\.name.text)
        if others.isEmpty {
            let message = "there is one variant, which cannot be disabled or draining; leave out \"\(name)\""
            return report(.unknownVariant, at: path, message)
        }
        let expectation = VariantNames.expectation(alternatives(others), isOnlyOne: others.count == 1)
        report(.unknownVariant, at: path, "expected \(expectation), found \"\(name)\"")
    }

    /// A host or a unit may be forced to any variant that answers requests, and to the canary that is to come.
    private mutating func checkTarget(_ name: VariantName, among names: VariantNames?, at path: JSONPath) {
        guard let names, names.place(ofRuleFor: name) == nil else { return }
        // What is no name was reported when it was read.
        guard isPolicyName(name.text) else { return }
        if names.contains(name) {
            report(
                .forbiddenVariant,
                at: path,
                "\"\(name)\" receives copies and answers nobody; \(names.ruleWords) may stand here"
            )
        } else {
            let isOnlyOne = names.variants.count == 1 && !names.awaitsCanary
            let expectation = VariantNames.expectation(names.ruleWords, isOnlyOne: isOnlyOne)
            report(.unknownVariant, at: path, "expected \(expectation), found \"\(name)\"")
        }
    }

    private mutating func check(_ host: HostName, at path: JSONPath) {
        let lengths = 1...PolicyLimits.textBytes
        let expectation =
            lengths ~= host.text.utf8.count
            ? HostForm.expectation(for: host.text) : "a host of \(spelled(lengths)) bytes as a Host header has it"
        if let expectation { report(.badHost, at: path, "expected \(expectation), found \(quoted(host.text))") }
    }
}
