/// One decision across services: the service that decides sends it along, and the service that is called adopts it.
///
///     // the app
///     let answer = sessions.route(request, through: sms)
///     call.headers[SessionRouter.decisionHeader] = sessions.header(for: answer.decision, unit: user)
///
///     // the model service
///     let adopted = sessions.adopt(request.headers[SessionRouter.decisionHeader], for: user, through: sms)
///     serve(adopted.decision.variant.release[.model])
///
/// Both have the same keys, and policies from one source. See <doc:pairing-versions>.
extension SessionRouter {
    /// The name of the header: `Rollout-Decision`.
    public static var decisionHeader: String { "Rollout-Decision" }

    /// The value of the `Rollout-Decision` header for a decision.
    ///
    /// - Parameters:
    ///   - decision: The decision.
    ///   - unit: The unit that the called service brings too; nil or empty binds the header to no unit.
    ///   - now: The time of the request.
    /// - Returns: The value, or nil if the policy lacks the rollout (then there is no epoch that others could check), if `now`
    ///   is before 1970 or after 2106, or if the key cannot be had.
    public func header(for decision: Decision, unit: String? = nil, now: UnixTime = .now) -> String? {
        header(for: [decision], unit: unit, now: now)
    }

    /// The value of the `Rollout-Decision` header for the decisions of several rollouts.
    ///
    /// - Parameters:
    ///   - decisions: The decisions, at most one a rollout.
    ///   - unit: The unit that the called service brings too; nil or empty binds the header to no unit.
    ///   - now: The time of the request.
    /// - Returns: The value, without the decisions that cannot travel, or nil if none can.
    public func header(for decisions: [Decision], unit: String? = nil, now: UnixTime = .now) -> String? {
        guard let issued = UInt32(exactly: now.seconds) else { return nil }
        let keys = state.keys.current
        let members = decisions.compactMap { state.member(for: $0, unit: unit ?? "", issued: issued, keys: keys) }
        return members.isEmpty ? nil : members.joined(separator: ", ")
    }

    /// The value of the `Rollout-Decision` header for a decision that was itself adopted, for the next service.
    ///
    /// - Parameters:
    ///   - adopted: What was adopted.
    ///   - unit: The unit that the called service brings too; nil or empty binds the header to no unit.
    ///   - now: The time of the request.
    /// - Returns: The value, or nil for a tainted decision. So the taint travels on: otherwise the next service would take
    ///   this service's fresh decision for the first service's.
    public func header(for adopted: AdoptedDecision, unit: String? = nil, now: UnixTime = .now) -> String? {
        adopted.isTainted ? nil : header(for: adopted.decision, unit: unit, now: now)
    }

    /// Adopts the decision that the calling service sent along.
    ///
    /// A header is not adopted if it is missing, malformed, doubled, forged, too old, or of another epoch, or if this policy
    /// does not have its variant or has it disabled. Then the policy decides afresh, and the result is marked.
    ///
    /// Never throws and never traps, whatever the header holds. O(length of the header and the unit).
    ///
    /// - Parameters:
    ///   - header: The value of the `Rollout-Decision` header; several are one, joined by a comma. Nil for none.
    ///   - unit: The unit of the request; nil and an empty text are no unit.
    ///   - handle: The rollout.
    ///   - now: The time of the request.
    /// - Returns: The decision, and whether it is the other service's.
    public func adopt(
        _ header: String?,
        for unit: String?,
        through handle: RolloutHandle,
        now: UnixTime = .now
    ) -> AdoptedDecision {
        let adoption = RequestBytes.with(unit: unit, host: nil) { request in
            unsafe (header ?? "").withUnitBytes { field in
                unsafe state.adoption(of: field, request, unit ?? "", through: handle, at: StickyToken.clamped(now))
            }
        }
        switch adoption {
        case .adopted(let decision):
            state.counters.countAdopted()
            return AdoptedDecision(decision: decision, taint: nil)
        case .refused(let taint):
            state.counters.count(taint)
            return AdoptedDecision(decision: handle.decision(for: unit), taint: taint)
        }
    }
}
