/// One decision across services: who decides sends it along, who is called adopts it.
///
///     // the app                                              // the model service
///     let answer = sessions.route(request, through: sms)      let header = request.headers["Rollout-Decision"]
///     call.headers["Rollout-Decision"] =                      let adopted = sessions.adopt(
///         sessions.header(for: answer.decision,                   header, for: user, through: sms)
///             unit: user)                           serve(adopted.decision.variant.release[.model])
///
/// Both have the same keys, and policies from one source. See <doc:pairing-versions>.
extension SessionRouter {
    /// The name of the header.
    public static var decisionHeader: String { "Rollout-Decision" }

    /// The value of the `Rollout-Decision` header for a decision.
    ///
    /// - Parameters:
    ///   - decision: The decision.
    ///   - unit: The unit that the called service brings too; nil or empty binds the header to no unit.
    ///   - now: The time of the request.
    /// - Returns: The value, or nil if the decision is of a rollout that the policy lacks, which has no epoch that others could
    ///   check, if `now` is before 1970 or after 2106, or if the key cannot be had.
    public func header(for decision: Decision, unit: String? = nil, now: UnixTime = .now) -> String? {
        header(for: [decision], unit: unit, now: now)
    }

    /// The value of the `Rollout-Decision` header for the decisions of several rollouts.
    ///
    /// - Parameters:
    ///   - decisions: The decisions, at most one a rollout.
    ///   - unit: The unit that the called service brings too; nil or empty binds the header to no unit.
    ///   - now: The time of the request.
    /// - Returns: The value; decisions that cannot travel are left out, and where none is left it is nil.
    public func header(for decisions: [Decision], unit: String? = nil, now: UnixTime = .now) -> String? {
        guard let issued = UInt32(exactly: now.seconds) else { return nil }
        let members = decisions.compactMap { state.member(for: $0, unit: unit ?? "", issued: issued) }
        return members.isEmpty ? nil : members.joined(separator: ", ")
    }

    /// The value of the `Rollout-Decision` header for a decision that was itself adopted, for a service further down.
    ///
    /// - Parameters:
    ///   - adopted: What was adopted.
    ///   - unit: The unit that the called service brings too; nil or empty binds the header to no unit.
    ///   - now: The time of the request.
    /// - Returns: The value, or nil for a tainted one, so that the taint travels on: the next service would take this one's
    ///   fresh decision for the first one's.
    public func header(for adopted: AdoptedDecision, unit: String? = nil, now: UnixTime = .now) -> String? {
        adopted.isTainted ? nil : header(for: adopted.decision, unit: unit, now: now)
    }

    /// Adopts the decision that the calling service sent along.
    ///
    /// What is missing, malformed, doubled, forged, too old, of another epoch, or of a variant that this policy does not
    /// have or has disabled is not adopted: then the policy decides afresh, and the result is marked. Never throws and
    /// never traps, whatever the header holds. O(length of the header and the unit).
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
        case .adopted(let decision): return AdoptedDecision(decision: decision, taint: nil)
        case .refused(let taint):
            state.counters.count(taint)
            return AdoptedDecision(decision: handle.decision(for: unit), taint: taint)
        }
    }
}
