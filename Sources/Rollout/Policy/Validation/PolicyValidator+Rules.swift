extension PolicyValidator {
    /// Checks what names hosts, units and variants; with no names of variants known, only the hosts and units.
    mutating func checkRules(of rollout: RolloutDefinition, names: VariantNames?, at path: JSONPath) {
        let (hosts, forced) = (path.appending("hosts"), path.appending("forced"))
        if check(rollout.hosts.count, "hosts", limit: PolicyLimits.hosts, at: hosts) {
            for (host, variant) in rollout.hosts.sorted(by: { $0.key.text < $1.key.text }) {
                check(host, at: hosts.appending(host.text))
                checkTarget(variant, among: names, of: rollout.strategy.kind, at: hosts.appending(host.text))
            }
        }
        if check(rollout.forced.count, "forced units", limit: PolicyLimits.forcedUnits, at: forced) {
            for (unit, variant) in rollout.forced.sorted(by: { $0.key.text < $1.key.text }) {
                check(text: unit.text, at: forced.appending(unit.text))
                checkTarget(variant, among: names, of: rollout.strategy.kind, at: forced.appending(unit.text))
            }
        }
        guard let names else { return }
        for (key, listed) in [("disabled", rollout.disabled), ("draining", rollout.draining)] {
            for name in listed.sorted() {
                checkVariant(name, among: names, at: path.appending(key))
                if name == names.first {
                    report(
                        .forbiddenVariant,
                        at: path.appending(key),
                        "\"\(name)\" is the first variant, which serves in place of all others"
                    )
                }
            }
        }
    }

    /// A host or a unit may be forced to any variant that answers.
    private mutating func checkTarget(
        _ name: VariantName,
        among names: VariantNames?,
        of kind: RolloutStrategy.Kind,
        at path: JSONPath
    ) {
        guard let names else { return }
        if kind == .shadow, name == .shadow {
            report(
                .forbiddenVariant,
                at: path,
                "\"shadow\" receives copies and answers nobody; \"primary\" may stand here"
            )
        } else {
            checkVariant(name, among: names, at: path)
        }
    }

    private mutating func check(_ host: HostName, at path: JSONPath) {
        let bytes = host.text.utf8
        let isHost = bytes.allSatisfy { $0 > 0x20 && $0 != 0x7F && !Self.neverInHosts.contains($0) }
        // A header loses one port and one dot: what could lose another would be a rule that never applies.
        if !isHost || !(1...PolicyLimits.textBytes ~= bytes.count) || HostName(host.text) != host {
            report(
                .badHost,
                at: path,
                "expected a host of \(spelled(1...PolicyLimits.textBytes)) bytes as a Host header has it, "
                    + "found \(quoted(host.text))"
            )
        }
    }

    /// What ends a host in a URL, or joins several in a header: a rule with such a host could never apply.
    private static let neverInHosts = Set("/?#@,\\".utf8)
}
