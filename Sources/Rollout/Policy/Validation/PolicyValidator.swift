extension RolloutPolicy {
    /// Checks the policy against every rule that a value of this type can break.
    ///
    /// Reading JSON and handing a policy to a router both do this. O(size of the policy).
    ///
    /// - Throws: `PolicyError` with all problems.
    public func validate() throws(PolicyError) {
        if let error = problems().error { throw error }
    }

    /// Every rule the policy breaks, in order of paths. Rules about what could not be read are left out.
    func problems(
        unread: [RolloutID: UnreadParts] = [:],
        variants limit: Int = PolicyLimits.variants
    ) -> ProblemList {
        var validator = PolicyValidator()
        validator.variantLimit = limit
        validator.check(self, unread)
        return validator.problems
    }
}

/// Collects every rule that a policy breaks.
struct PolicyValidator {
    private(set) var problems = ProblemList()
    /// How many variants a rollout may have.
    var variantLimit = PolicyLimits.variants

    mutating func report(_ code: PolicyProblem.Code, at path: JSONPath, _ message: @autoclosure () -> String) {
        problems.report(code, at: path, message())
    }

    mutating func check(_ policy: RolloutPolicy, _ unread: [RolloutID: UnreadParts]) {
        if let environment = policy.environment { check(text: environment, at: "environment") }
        guard check(policy.rollouts.count, "rollouts", limit: PolicyLimits.rollouts, at: "rollouts") else { return }
        let overlaps = CookieOverlaps(policy, unread)
        var isAnyEnrolled = false
        for (id, rollout) in policy.rollouts.sorted(by: { $0.key < $1.key }) {
            let path = ("rollouts" as JSONPath).appending(id.text)
            check(rollout, id: id, unread.isEmpty ? [] : unread[id] ?? [], at: path)
            if !rollout.enrolment.isEmpty { isAnyEnrolled = true }
            if !overlaps.others.isEmpty, let other = overlaps.others[id], let cookie = rollout.sticky {
                let place = path.appending("sticky").appending("cookie")
                report(.overlappingCookies, at: place, other.message(beside: cookie))
            }
        }
        if isAnyEnrolled { checkLayers(of: policy, unread) }
        if !policy.removed.isEmpty { checkRemoved(in: policy) }
        if problems.all.isEmpty { checkSize(of: policy) }
    }

    private mutating func check(_ rollout: RolloutDefinition, id: RolloutID, _ unread: UnreadParts, at path: JSONPath) {
        for (index, release) in (rollout.compatible ?? []).enumerated() {
            check(release, at: path.appending("compatible").appending(index))
        }
        var names: VariantNames?
        let grid = unread.contains(.bucketing) ? nil : rollout.grid
        if !unread.contains(.strategy), check(rollout.strategy, on: grid, at: path) {
            checkCompatibility(of: rollout, at: path)
            if !unread.contains(.names) { names = VariantNames(rollout.strategy) }
        }
        if let names { checkTags(of: names, in: id, at: path.appending("strategy")) }
        if let salt = rollout.salt { check(text: salt, at: path.appending("salt")) }
        if !unread.contains(.bucketing), let bucketing = rollout.bucketing {
            check(bucketing, at: path.appending("bucketing"))
        }
        if !unread.contains(.enrolment) { checkEnrolment(of: rollout, at: path) }
        if let sticky = rollout.sticky { check(sticky, at: path.appending("sticky")) }
        if rollout.missingUnit == .assign, rollout.sticky == nil {
            report(
                .needsSticky,
                at: path.appending("missingUnit"),
                "\"assign\" needs \"sticky\": without a cookie nobody remembers what was assigned"
            )
        }
        checkRules(of: rollout, names: names, at: path)
        checkPlans(of: rollout, unread, at: path)
    }

    private mutating func checkRemoved(in policy: RolloutPolicy) {
        guard policy.removed.count <= PolicyLimits.rollouts else {
            report(
                .tooMany,
                at: "removed",
                "expected at most \(grouped(PolicyLimits.rollouts)) removed rollouts, found "
                    + "\(grouped(policy.removed.count)): forget those of which no assignment lives"
            )
            return
        }
        for (id, epoch) in policy.removed.sorted(by: { $0.key < $1.key }) {
            guard let present = policy.rollouts[id]?.epoch, present <= epoch else { continue }
            let path: JSONPath = "rollouts"
            report(
                .outOfRange,
                at: path.appending(id.text).appending("epoch"),
                "expected an epoch above \(epoch), at which the rollout was removed, found \(present)"
            )
        }
    }

    // MARK: Values

    mutating func check(text: String, at path: JSONPath) {
        let range = 1...PolicyLimits.textBytes
        let count = text.utf8.count
        let found: String
        if !range.contains(count) {
            found = "\(grouped(count)) bytes"
        } else if text.utf8.contains(0) {
            found = "one with U+0000"
        } else {
            return
        }
        report(.badText, at: path, "expected a text of \(spelled(range)) bytes, found \(found)")
    }

    mutating func check(_ number: Int, in range: ClosedRange<Int>, at path: JSONPath) {
        if !range.contains(number) {
            report(.outOfRange, at: path, "expected an integer in \(spelled(range)), found \(grouped(number))")
        }
    }

    /// Whether there are no more than the limit. What is too much is not looked at.
    mutating func check(_ count: Int, _ what: String, limit: Int, at path: JSONPath) -> Bool {
        guard count > limit else { return true }
        report(.tooMany, at: path, "expected at most \(grouped(limit)) \(what), found \(grouped(count))")
        return false
    }

    mutating func check(_ release: Release, at path: JSONPath) {
        if release.versions.isEmpty {
            report(.emptyRelease, at: path, "expected a release with at least one component, found none")
        }
        for (component, version) in release.versions.sorted(by: { $0.key < $1.key }) {
            check(version: version, at: path.appending(component.text))
        }
    }

    mutating func check(version: String, at path: JSONPath) {
        let bytes = version.utf8
        let isPrintable = bytes.allSatisfy { 0x20...0x7E ~= $0 }
        if isPrintable, 1...PolicyLimits.versionLength ~= bytes.count, bytes.first != 0x20, bytes.last != 0x20 {
            return
        }
        report(
            .badVersion,
            at: path,
            "expected a version of 1 ... \(PolicyLimits.versionLength) printable ASCII characters, no space at either end, "
                + "found \(quoted(version))"
        )
    }

    // MARK: Size

    /// Reports a policy whose document would be too large to be read again.
    ///
    /// Writing the document only to count its bytes would cost more than all other checks together. So it is written only
    /// if a bound that is quick to compute allows it to be too large.
    private mutating func checkSize(of policy: RolloutPolicy) {
        let bound = policy.rollouts.values.reduce(policy.environment.bound + 1_024 + 80 * policy.removed.count) {
            $0 + $1.documentBound
        }
        guard bound > PolicyLimits.documentBytes else { return }
        let count = policy.json.utf8.count
        guard count > PolicyLimits.documentBytes else { return }
        report(
            .tooLarge,
            at: "",
            "expected a policy of at most \(grouped(PolicyLimits.documentBytes)) bytes as JSON, found \(grouped(count))"
        )
    }
}

/// How many bytes of JSON something takes at most. No name, number or word is longer than 64 bytes, and no character that
/// has to be escaped is written in more than six.
extension RolloutDefinition {
    fileprivate var documentBound: Int {
        var bound = 1_024 + salt.bound + 80 * (disabled.count + draining.count)
        bound += (bucketing?.text).bound
        bound += enrolment.reduce(0) { $0 + 512 + $1.salt.bound + ($1.bucketing?.text).bound + 24 * $1.ranges.count }
        bound += (sticky?.name).bound + (sticky?.path).bound + (sticky?.domain).bound
        bound += hosts.keys.reduce(0) { $0 + $1.text.bound + 80 }
        bound += forced.keys.reduce(0) { $0 + $1.text.bound + 80 }
        bound += (compatible ?? []).reduce(0) { $0 + $1.documentBound }
        bound += strategy.variants.reduce(0) { $0 + $1.release.documentBound + 256 }
        if case .abTest(let test) = strategy { bound += 100 * (test.allocation?.count ?? 0) }
        return bound
    }
}

extension Release {
    fileprivate var documentBound: Int { versions.values.reduce(8) { $0 + $1.bound + 80 } }
}

extension String {
    fileprivate var bound: Int { 6 * utf8.count + 8 }
}

extension String? {
    fileprivate var bound: Int { self?.bound ?? 0 }
}
