extension RolloutHandle {
    /// A unit that is drawn into a variant, for the tests of a service.
    ///
    ///     let unit = try #require(sms.exampleUnit(in: .canary))
    ///     let page = try await client.get("/", user: unit)
    ///     #expect(page.version == "v2")
    ///
    /// It is the first of `example-0`, `example-1`, … whose bucket belongs to the variant, so it stays the same as long as the
    /// policy does, on every machine. Whatever else the policy says is left out: units that are forced are passed over, and a
    /// request with a host that has a rule, or with a cookie, may get another variant. For a shadow it is a unit whose requests
    /// are copied. If a bucketing takes integers, it is the first of `0`, `1`, …. While the policy lacks the rollout, any unit gets
    /// the default.
    ///
    /// Not for the path of a request: it takes a lock, and tries on average as many names as the variant has share in all
    /// units, 10 for a tenth, 1,000,000 for a single bucket. That takes some 100 milliseconds.
    ///
    /// - Parameter variant: The variant.
    /// - Returns: The unit, or nil if nobody is drawn into the variant: there is none of that name, it has no share, or it is
    ///   disabled or draining.
    public func exampleUnit(in variant: VariantName) -> String? {
        RouterState.behind(cell).compiled.exampleUnit(in: variant, recordAt: start)
    }
}

extension CompiledPolicy {
    /// How many names are tried.
    ///
    /// **Claim:** if names fall into a share of all units, and into each part of it with the same chance, 64 / share of them find it:
    /// all of them miss with a chance of (1 - share)^(64 / share), which is below 10^-27. A single bucket takes 64,000,000.
    ///
    /// What would break it: draws that are not independent, such as an enrolment under the rollout's own salt, of which a policy
    /// warns. Then nil may be an answer, after 2^26 names at most.
    private static func exampleLimit(ofShare share: Double) -> Int { Int(min(64 / share, 0x1p26).rounded(.up)) }

    /// The first example in a variant of the rollout whose record starts at a word.
    fileprivate func exampleUnit(in variant: VariantName, recordAt start: Int) -> String? {
        withExtendedLifetime(self) {
            let record = RolloutRecord(image, start: start)
            let first = record.decisionWithoutUnit().variant
            guard let definition = policy.rollouts[first.rollout] else {
                return first.name == variant ? "example-0" : nil
            }
            let buckets = Allocation(definition).buckets(drawnInto: variant)
            let bucketing = definition.strategy.draws ? definition.bucketing : nil
            let grid = BucketGrid(bucketing)
            let cells = buckets.reduce(0) { $0 + grid.cells(in: $1) }
            let share = definition.enrolledShare * Double(cells) / Double(grid.cells)
            if share == 0 { return nil }
            let isInteger = bucketing?.hash == .integer
            for number in 0..<Self.exampleLimit(ofShare: share) {
                let unit = isInteger ? "\(number)" : "example-\(number)"
                let isInside =
                    record.bucket(of: unit).map { bucket in buckets.contains { $0.contains(bucket) } } ?? false
                if isInside, definition.forced[UnitID(unit)] == nil { return unit }
            }
            return nil
        }
    }
}
