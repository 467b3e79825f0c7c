extension RolloutPolicy {
    /// Starts a canary beside the release that runs.
    ///
    /// The release that a `fixed` rollout serves becomes `stable`. A canary or a shadow of share 0 makes room for the new
    /// canary; any other has to be promoted or aborted first. Old assignments never reach the new canary: the epoch rises
    /// unless it is the canary that was there before. Hosts and units that name `canary` already lead to the new one.
    ///
    ///     try policy.startCanary(of: .sms, serving: [.app: "v2", .model: "v2"], to: .percent(10))
    ///
    /// - Parameters:
    ///   - id: The rollout.
    ///   - release: What the canary serves.
    ///   - share: The share of units that get it.
    /// - Throws: `EditError` if something else is under way, or the rollout's bucketing cannot express the share.
    public mutating func startCanary(of id: RolloutID, serving release: Release, to share: Share) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            let stable = try edit.releaseWithNothingUnderWay()
            try edit.requireExact(share)
            if edit.definition.strategy.kind != .canary { try edit.raiseEpoch() }
            edit.setStrategy(.canary(share, stable: stable, canary: release))
            edit.definition.disabled.remove(.canary)
            edit.definition.draining.remove(.canary)
        }
    }

    /// Makes the canary the stable release for everybody: `canary` is the new `fixed`.
    ///
    /// Hosts and units that name `canary` keep doing so. They get its release as everybody does, as `stable`, until the next
    /// canary starts. The epoch rises, because `stable` stands for another release.
    ///
    /// - Parameter id: The rollout.
    /// - Throws: `EditError` if no canary is in service.
    public mutating func promote(_ id: RolloutID) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            guard case .canary(_, _, let canary) = edit.definition.strategy else {
                throw edit.refusal(.wrongStrategy, "it has no canary to promote", edit.promotionAdvice)
            }
            try edit.requireInService(.canary)
            edit.setStrategy(.fixed(canary))
        }
    }

    /// Takes a canary or a shadow back at once: its share is 0, it is disabled, and the epoch is raised.
    ///
    /// From then on no request gets it, whatever its host, unit or cookie. Hosts and units that name it stay, and lead to the
    /// next canary. What has been aborted before stays as it is.
    ///
    /// - Parameter id: The rollout.
    /// - Throws: `EditError` if there is neither.
    public mutating func abort(_ id: RolloutID) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            switch edit.definition.strategy {
            case .canary(_, let stable, let canary):
                edit.definition.strategy = .canary(.zero, stable: stable, canary: canary)
                edit.definition.disabled.insert(.canary)
                edit.definition.draining.remove(.canary)
            case .shadow(_, let primary, let shadow):
                edit.definition.strategy = .shadow(.zero, primary: primary, shadow: shadow)
                edit.definition.disabled.insert(.shadow)
                edit.definition.draining.remove(.shadow)
            case .fixed:
                throw edit.refusal(.wrongStrategy, "there is nothing to abort", "roll back to an earlier revision")
            case .abTest:
                throw edit.refusal(.wrongStrategy, "it has no canary to abort", "disable the variant that fails")
            }
        }
    }
}

extension RolloutPolicy {
    /// Starts copying requests to a shadow of the release that runs.
    ///
    /// Has the same conditions as ``startCanary(of:serving:to:)``. Rules that name `stable` name `primary` from now on. Those
    /// that name `canary` wait for the next one, and `primary` answers them until then.
    ///
    /// - Parameters:
    ///   - id: The rollout.
    ///   - release: What receives the copies.
    ///   - share: The share of units whose requests are copied.
    /// - Throws: `EditError` if something else is under way.
    public mutating func startShadow(of id: RolloutID, serving release: Release, to share: Share) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            let primary = try edit.releaseWithNothingUnderWay()
            if edit.definition.strategy.kind != .shadow { try edit.raiseEpoch() }
            edit.setStrategy(.shadow(share, primary: primary, shadow: release))
            edit.definition.disabled.remove(.shadow)
            edit.definition.draining.remove(.shadow)
        }
    }

    /// Makes the shadow the release that answers everybody: `shadow` is the new `fixed`. The epoch rises.
    ///
    /// - Parameter id: The rollout.
    /// - Throws: `EditError` if no shadow is in service.
    public mutating func promoteShadow(_ id: RolloutID) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            guard case .shadow(_, _, let shadow) = edit.definition.strategy else {
                throw edit.refusal(.wrongStrategy, "it has no shadow to promote", edit.promotionAdvice)
            }
            try edit.requireInService(.shadow)
            // Assignments from before the shadow may still live, and `stable` may have been another release then.
            try edit.raiseEpoch()
            edit.setStrategy(.fixed(shadow))
        }
    }
}

extension RolloutEdit {
    fileprivate var promotionAdvice: String {
        switch definition.strategy {
        case .fixed: "set the release of \"stable\", or start a canary"
        case .canary: "promote the canary"
        case .shadow: "promote the shadow"
        case .abTest: "rebalance the weights in favour of the winner"
        }
    }

    /// The release that everybody gets, if nothing else has a share.
    fileprivate func releaseWithNothingUnderWay() throws(EditError) -> Release {
        switch definition.strategy {
        case .fixed(let release): return release
        case .canary(.zero, let stable, _): return stable
        case .shadow(.zero, let primary, _): return primary
        case .canary(let share, _, _):
            throw refusal(.underWay, "a canary of \(share) is under way", "promote it or abort it first")
        case .shadow(let share, _, _):
            throw refusal(.underWay, "a shadow of \(share) is under way", "promote it or abort it first")
        case .abTest:
            throw refusal(
                .underWay,
                "an A/B test is under way",
                "write a \"fixed\" strategy with the winner's release first"
            )
        }
    }
}
