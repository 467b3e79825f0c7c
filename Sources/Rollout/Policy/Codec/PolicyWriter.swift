extension RolloutPolicy {
    /// The policy as canonical JSON: sorted keys, no spaces, and nothing that equals its default.
    ///
    /// Reading it gives the same policy again, if the policy is valid.
    public var json: String { PolicyWriter.tree(of: self).canonicalText }

    /// SHA-256 of ``json`` in hexadecimal: two policies with one digest are the same.
    public var digest: String { SHA256.hexadecimalDigest(PolicyWriter.tree(of: self).canonicalBytes) }
}

extension SHA256 {
    /// The digest of a whole message, in hexadecimal.
    static func hexadecimalDigest(_ bytes: [UInt8]) -> String {
        digest(bytes).map { hexadecimal($0, digits: 2) }.joined()
    }
}

/// Puts a policy into the form of its document. What equals its default is left out.
enum PolicyWriter {
    static func tree(of policy: RolloutPolicy) -> JSONTree {
        var members: [(key: String, value: JSONTree)] = [
            ("schema", .integer(1)),
            ("revision", .integer(Int(policy.revision))),
            ("rollouts", .object(policy.rollouts.map { ($0.key.text, tree(of: $0.value)) })),
        ]
        if let environment = policy.environment { members.append(("environment", .string(environment))) }
        if !policy.removed.isEmpty { members.append(("removed", epochs(policy.removed))) }
        return .object(members)
    }

    static func epochs(_ removed: [RolloutID: UInt32]) -> JSONTree {
        .object(removed.map { ($0.key.text, .integer(Int($0.value))) })
    }

    private static func tree(of rollout: RolloutDefinition) -> JSONTree {
        var members = [(key: "strategy", value: tree(of: rollout.strategy))]
        if let salt = rollout.salt { members.append(("salt", .string(salt))) }
        if rollout.epoch != 0 { members.append(("epoch", .integer(Int(rollout.epoch)))) }
        if let cookie = rollout.sticky { members.append(("sticky", tree(of: cookie))) }
        if !rollout.hosts.isEmpty {
            members.append(("hosts", .object(rollout.hosts.map { ($0.key.text, .string($0.value.text)) })))
        }
        if !rollout.forced.isEmpty {
            members.append(("forced", .object(rollout.forced.map { ($0.key.text, .string($0.value.text)) })))
        }
        if !rollout.disabled.isEmpty { members.append(("disabled", tree(of: rollout.disabled))) }
        if !rollout.draining.isEmpty { members.append(("draining", tree(of: rollout.draining))) }
        if rollout.missingUnit != .first { members.append(("missingUnit", .string(rollout.missingUnit.rawValue))) }
        if let bucketing = rollout.bucketing { members.append(("bucketing", tree(of: bucketing))) }
        if !rollout.enrolment.isEmpty { members.append(("enrolment", tree(of: rollout.enrolment))) }
        if let compatible = rollout.compatible {
            members.append(("compatible", .array(compatible.map { tree(of: $0) })))
        }
        if let plan = rollout.progression { members.append(("progression", tree(of: plan))) }
        if let plan = rollout.adaptation { members.append(("adaptation", tree(of: plan))) }
        return .object(members)
    }

    static func tree(of bucketing: Bucketing) -> JSONTree { .object(members(of: bucketing)) }

    static func tree(of enrolment: [EnrolmentDraw]) -> JSONTree {
        .array(
            enrolment.map { draw in
                let function: (key: String, value: JSONTree) =
                    switch draw.function {
                    case .salt(let salt): ("salt", .string(salt.text))
                    case .layer(let layer): ("layer", .string(layer.text))
                    case .bucketing(let bucketing): ("bucketing", tree(of: bucketing))
                    }
                let ranges = draw.ranges.map { JSONTree.array([.integer($0.lowerBound), .integer($0.upperBound)]) }
                return .object([function, ("ranges", .array(ranges))])
            }
        )
    }

    /// What a bucketing says beyond the defaults.
    static func members(of bucketing: Bucketing) -> [(key: String, value: JSONTree)] {
        let defaults = Bucketing(bucketing.hash)
        var members: [(key: String, value: JSONTree)] = [("hash", .string(bucketing.hash.rawValue))]
        if !bucketing.text.utf8.elementsEqual(defaults.text.utf8) { members.append(("text", .string(bucketing.text))) }
        if bucketing.encoding != defaults.encoding {
            members.append(("encoding", .string(bucketing.encoding.rawValue)))
        }
        if bucketing.seed != defaults.seed { members.append(("seed", .integer(Int(bucketing.seed)))) }
        if bucketing.bits != defaults.bits { members.append(("bits", .integer(bucketing.bits))) }
        if bucketing.isSigned { members.append(("signed", .boolean(true))) }
        if let buckets = bucketing.buckets { members.append(("buckets", .integer(buckets))) }
        if bucketing.reduction != defaults.reduction {
            members.append(("reduce", .string(bucketing.reduction.rawValue)))
        }
        return members
    }

    static func tree(of release: Release) -> JSONTree {
        .object(release.versions.map { ($0.key.text, .string($0.value)) })
    }

    private static func tree(of names: Set<VariantName>) -> JSONTree {
        .array(names.sorted().map { .string($0.text) })
    }

    private static func tree(of strategy: RolloutStrategy) -> JSONTree {
        var members: [(key: String, value: JSONTree)] = [("type", .string(strategy.kind.rawValue))]
        switch strategy {
        case .fixed(let release):
            members.append(("release", tree(of: release)))
        case .canary(let share, let stable, let canary):
            members += [
                ("percent", .number(share.percentText)), ("stable", tree(of: stable)), ("canary", tree(of: canary)),
            ]
        case .shadow(let share, let primary, let shadow):
            members += [
                ("percent", .number(share.percentText)), ("primary", tree(of: primary)), ("shadow", tree(of: shadow)),
            ]
        case .abTest(let test):
            members.append(("variants", .array(test.variants.map { tree(of: $0) })))
            // Ranges with a gap among them say by themselves what they cover.
            let saysCoverage = test.coverage != .all && test.allocation?.haveGaps != true
            if saysCoverage { members.append(("coverage", .number(test.coverage.percentText))) }
            if let allocation = test.allocation {
                members.append(("allocation", .array(allocation.map { tree(of: $0) })))
            }
        }
        return .object(members)
    }

    private static func tree(of variant: WeightedVariant) -> JSONTree {
        .object([
            ("name", .string(variant.name.text)),
            ("weight", .integer(variant.weight)),
            ("release", tree(of: variant.release)),
        ])
    }

    static func tree(of range: AllocatedRange) -> JSONTree {
        .array([
            range.variant.map { .string($0.text) } ?? .null,
            .integer(range.buckets.lowerBound),
            .integer(range.buckets.upperBound),
        ])
    }

    static func tree(of cookie: StickyCookie) -> JSONTree {
        let defaults = StickyCookie(name: cookie.name, maxAge: cookie.maxAge)
        var members: [(key: String, value: JSONTree)] = [
            ("cookie", .string(cookie.name)), ("maxAge", .integer(cookie.maxAge)),
        ]
        if cookie.pin != defaults.pin { members.append(("pin", .string(cookie.pin.rawValue))) }
        if cookie.isSecure != defaults.isSecure { members.append(("secure", .boolean(cookie.isSecure))) }
        if cookie.sameSite != defaults.sameSite { members.append(("sameSite", .string(cookie.sameSite.rawValue))) }
        if cookie.path != defaults.path { members.append(("path", .string(cookie.path))) }
        if let domain = cookie.domain { members.append(("domain", .string(domain))) }
        return .object(members)
    }
}
