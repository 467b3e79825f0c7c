extension RolloutPolicy {
    /// What the policy allows itself and probably does not mean, in order of paths. It is no reason to refuse the policy.
    ///
    /// - A variant whose release has other components than the first variant's: whoever asks for one of them gets nil.
    /// - A cookie for a domain that none of the rollout's hosts is in: no request by these hosts gets the cookie.
    /// - A progression beside a cookie that pins the variant for longer than the plan takes to settle: each step waits for it.
    /// - A share that the buckets of a stated bucketing cannot express: another one really occurs.
    /// - A draw of an enrolment by a rollout's salt: the two draws are one.
    /// - A bucketing whose number has fewer values than it has buckets: the rest stay empty.
    ///
    /// `RolloutDemo check` prints them. O(size of the policy). Of an invalid policy it says what it can.
    public var warnings: [PolicyProblem] {
        var warnings = ProblemList()
        let salts = ownSalts
        for (id, rollout) in rollouts.sorted(by: { $0.key < $1.key }) {
            let path = ("rollouts" as JSONPath).appending(id.text)
            Self.compareComponents(of: rollout.strategy, at: path, &warnings)
            Self.compareHosts(of: rollout, at: path, &warnings)
            Self.compareSettling(of: rollout, at: path, &warnings)
            Self.compareShares(of: rollout, at: path, &warnings)
            Self.compareSalts(of: rollout, with: salts, at: path, &warnings)
        }
        return warnings.all
    }

    /// The warnings with their places in the text that the policy was read from.
    package func warnings(in json: [UInt8]) -> [PolicyProblem] {
        guard let document = try? JSONDocument(parsing: json) else { return warnings }
        var locator = PolicyLocator(document)
        return warnings.map { $0.found(at: locator.value(at: $0.place).position) }
    }

    private static func compareComponents(
        of strategy: RolloutStrategy,
        at path: JSONPath,
        _ warnings: inout ProblemList
    ) {
        func listed(_ release: Release) -> String {
            release.versions.keys.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
        }
        guard let first = strategy.variants.first else { return }
        for (variant, path) in zip(strategy.variants, strategy.releasePaths(from: path))
        where variant.release.versions.keys != first.release.versions.keys {
            warnings.report(
                .differentComponents,
                at: path,
                "expected the components of \"\(first.name)\", \(listed(first.release)), found \(listed(variant.release))"
            )
        }
    }

    private static func compareSettling(
        of rollout: RolloutDefinition,
        at path: JSONPath,
        _ warnings: inout ProblemList
    ) {
        guard let plan = rollout.progression, plan.count != .nothing, let cookie = rollout.sticky else { return }
        // What is out of its range is an error, and must not overflow here.
        let settling = min(plan.settling(beside: cookie), PolicyLimits.deadline)
        guard settling > plan.settle else { return }
        let least =
            plan.steps.count
            * max(settling + min(plan.interval, PolicyLimits.deadline), min(plan.dwell, PolicyLimits.deadline))
        warnings.report(
            .slowProgression,
            at: path.appending("sticky").appending("maxAge"),
            "each step waits \(grouped(settling)) s for the sessions of the one before to end, and all of them take at least "
                + "\(spelled(seconds: Double(least))): \"pin\": \"bucket\" moves sessions along, "
                + "and then a step waits \(grouped(plan.settle)) s"
        )
    }

    private static func compareSalts(
        of rollout: RolloutDefinition,
        with salts: [ExactText: RolloutID],
        at path: JSONPath,
        _ warnings: inout ProblemList
    ) {
        for (index, draw) in rollout.enrolment.enumerated() {
            guard let salt = draw.salt, let owner = salts[ExactText(text: salt)] else { continue }
            warnings.report(
                .sharedSalt,
                at: path.appending("enrolment").appending(index).appending("salt"),
                "rollout \"\(owner)\" draws by the salt \(quoted(salt)) too, so the two draws are one: take another text"
            )
        }
    }

    /// The first rollout that draws by each salt; none if no enrolment could draw by one too.
    private var ownSalts: [ExactText: RolloutID] {
        guard rollouts.values.contains(where: { $0.enrolment.contains { $0.salt != nil } }) else { return [:] }
        let pairs = rollouts.filter { $0.value.bucketing == nil }.map { (ExactText(text: $1.salt ?? $0.text), $0) }
        return Dictionary(pairs, uniquingKeysWith: min)
    }

    private static func compareShares(of rollout: RolloutDefinition, at path: JSONPath, _ warnings: inout ProblemList) {
        guard let bucketing = rollout.bucketing else { return }
        let grid = BucketGrid(bucketing)
        func compare(_ share: Share, at path: JSONPath, _ whatFollows: String) {
            let occurring = grid.occurring(share)
            if occurring == share { return }
            warnings.report(
                .inexactShare,
                at: path,
                "\(grouped(grid.cells)) buckets cannot express \(share): \(whatFollows)"
            )
        }
        let strategy = path.appending("strategy")
        switch rollout.strategy {
        case .fixed, .shadow: break
        case .canary(let share, _, _):
            compare(share, at: strategy.appending("percent"), "it is really \(grid.occurring(share))")
        case .abTest(let test) where test.allocation == nil:
            compare(test.coverage, at: strategy.appending("coverage"), "it is really \(grid.occurring(test.coverage))")
        case .abTest: break
        }
        for (index, step) in (rollout.progression?.steps ?? []).enumerated() {
            let (below, above) = grid.nearest(to: step)
            compare(
                step,
                at: path.appending("progression").appending("steps").appending(index),
                "the step will be refused; \(below) and \(above) can be set"
            )
        }
        if let buckets = bucketing.buckets, bucketing.hash.isDigest, bucketing.width < 20,
            1 << bucketing.width < buckets
        {
            warnings.report(
                .unusedBuckets,
                at: path.appending("bucketing").appending("bits"),
                "\(bucketing.width) bits have \(grouped(1 << bucketing.width)) values, fewer than the \(grouped(buckets)) buckets"
            )
        }
    }

    private static func compareHosts(of rollout: RolloutDefinition, at path: JSONPath, _ warnings: inout ProblemList) {
        guard rollout.strategy.draws, !rollout.hosts.isEmpty, let cookie = rollout.sticky,
            let domain = cookie.normalizedDomain
        else { return }
        let isAround = { (host: String) in host == domain || host.hasSuffix("." + domain) }
        if rollout.hosts.keys.contains(where: { isAround($0.text) }) { return }
        let hosts = alternatives(rollout.hosts.keys.map(\.text).sorted())
        warnings.report(
            .hostsOutsideDomain,
            at: path.appending("sticky").appending("domain"),
            "expected a domain around at least one of the hosts \(hosts), found \"\(domain)\""
        )
    }
}
