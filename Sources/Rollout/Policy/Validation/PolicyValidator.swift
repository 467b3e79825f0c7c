extension RolloutPolicy {
    /// Checks the policy against every rule that a value of this type can break.
    ///
    /// Reading JSON and handing a policy to a router both do this. O(size of the policy).
    ///
    /// - Throws: `PolicyError` with all problems.
    public func validate() throws(PolicyError) {
        let problems = problems()
        guard problems.isEmpty else {
            throw PolicyError(problems.map { PolicyProblem($0.code, at: $0.path.description, $0.message) })
        }
    }

    /// Every rule the policy breaks, in order of paths; where a strategy was not read, rules about variants are left out.
    func problems(unreadStrategies: Set<RolloutID> = []) -> [Violation] {
        var validator = PolicyValidator()
        if let environment {
            validator.check(text: environment, at: JSONPath().appending("environment"))
        }
        let root = JSONPath().appending("rollouts")
        guard validator.check(rollouts.count, "rollouts", limit: PolicyLimits.rollouts, at: root) else {
            return validator.violations
        }
        for (id, rollout) in rollouts.sorted(by: { $0.key < $1.key }) {
            let isRead = !unreadStrategies.contains(id)
            validator.check(rollout, id: id, isStrategyRead: isRead, at: root.appending(id.text))
        }
        if validator.violations.isEmpty { validator.checkSize(of: self) }
        return validator.violations
    }
}

/// A rule that is broken, and where.
struct Violation: Hashable, Sendable {
    let code: PolicyProblem.Code
    let path: JSONPath
    let message: String
}

/// Collects every rule that a policy breaks.
struct PolicyValidator {
    private(set) var violations: [Violation] = []
    private var budget = ProblemBudget()

    /// Everything that is wrong, or nil if nothing is.
    var error: PolicyError? {
        violations.isEmpty
            ? nil : PolicyError(violations.map { PolicyProblem($0.code, at: $0.path.description, $0.message) })
    }

    mutating func report(_ code: PolicyProblem.Code, at path: JSONPath, _ message: @autoclosure () -> String) {
        switch budget.verdict() {
        case .ignore: return
        case .listNoMore:
            violations.append(Violation(code: .tooMany, path: JSONPath(), message: ProblemBudget.message))
        case .list:
            let message = message()
            violations.append(Violation(code: code, path: path, message: message))
            budget.spend(on: path, message)
        }
    }

    mutating func check(_ rollout: RolloutDefinition, id: RolloutID, isStrategyRead: Bool, at path: JSONPath) {
        for (index, release) in (rollout.compatible ?? []).enumerated() {
            check(release, at: path.appending("compatible").appending(index))
        }
        let names = isStrategyRead && check(rollout.strategy, at: path) ? rollout.strategy.variants.map(\.name) : nil
        if let names {
            checkCompatibility(of: rollout, at: path)
            checkTags(of: names, in: id, at: path.appending("strategy"))
        }
        if let salt = rollout.salt { check(text: salt, at: path.appending("salt")) }
        if let sticky = rollout.sticky { check(sticky, at: path.appending("sticky")) }
        if rollout.missingUnit == .assign, rollout.sticky == nil {
            report(
                .needsSticky,
                at: path.appending("missingUnit"),
                "\"assign\" needs \"sticky\": without a cookie nobody remembers what was assigned"
            )
        }
        checkRules(of: rollout, names: names.map(VariantNames.init), at: path)
    }

    // MARK: Values

    mutating func check(text: String, at path: JSONPath) {
        let count = text.utf8.count
        if !(1...PolicyLimits.textBytes ~= count) || text.utf8.contains(0) {
            let found = text.utf8.contains(0) ? "one with U+0000" : "\(grouped(count)) bytes"
            report(
                .badText,
                at: path,
                "expected a text of \(spelled(1...PolicyLimits.textBytes)) bytes, found \(found)"
            )
        }
    }

    mutating func check(_ number: Int, in range: ClosedRange<Int>, at path: JSONPath) {
        if !range.contains(number) {
            report(.outOfRange, at: path, "expected an integer in \(spelled(range)), found \(grouped(number))")
        }
    }

    /// Whether there are no more than that; what is too much is not looked at.
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
        let isPrintable = version.utf8.allSatisfy { 0x20...0x7E ~= $0 }
        guard !isPrintable || !(1...PolicyLimits.versionLength ~= version.utf8.count) else { return }
        report(
            .badVersion,
            at: path,
            "expected a version of 1 ... \(PolicyLimits.versionLength) printable ASCII characters, found \(quoted(version))"
        )
    }

    private mutating func checkCompatibility(of rollout: RolloutDefinition, at path: JSONPath) {
        guard let allowed = rollout.compatible.map(Set.init) else { return }
        for (variant, path) in zip(rollout.strategy.variants, rollout.strategy.releasePaths(from: path))
        where !allowed.contains(variant.release) {
            report(
                .incompatibleRelease,
                at: path,
                "\(variant.release) is not among the releases that \"compatible\" lists"
            )
        }
    }

    private mutating func checkTags(of names: [VariantName], in id: RolloutID, at path: JSONPath) {
        var owners: [VariantTag: VariantName] = [:]
        for name in names {
            let tag = VariantTag(name, in: id)
            if tag == .notEnrolled {
                report(
                    .tagCollision,
                    at: path,
                    "\"\(name)\" has the token tag of a visitor who is not enrolled: rename it"
                )
            } else if let other = owners.updateValue(name, forKey: tag), other != name {
                report(.tagCollision, at: path, "\"\(other)\" and \"\(name)\" have one token tag: rename one of them")
            }
        }
    }
}

extension RolloutStrategy {
    /// Where the document has the release of each variant, in declared order, from the path of the rollout.
    func releasePaths(from rollout: JSONPath) -> [JSONPath] {
        let path = rollout.appending("strategy")
        switch self {
        case .fixed: return [path.appending("release")]
        case .canary: return [path.appending("stable"), path.appending("canary")]
        case .shadow: return [path.appending("primary"), path.appending("shadow")]
        case .abTest(let test):
            return test.variants.indices.map { path.appending("variants").appending($0).appending("release") }
        }
    }
}
