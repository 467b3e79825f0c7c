extension SessionState {
    /// The list member for a decision, or nil if it cannot travel.
    func member(for decision: Decision, unit: String, issued: UInt32, keys: KeyTable) -> String? {
        guard decision.reason != .absent else { return nil }
        let (rollout, variant) = (decision.variant.rollout.text, decision.variant.name.text)
        let tag = unsafe rollout.withUnitBytes { rollout in
            unsafe variant.withUnitBytes { variant in
                unsafe unit.withUnitBytes { unit in
                    let message = unsafe DecisionMessage(
                        rollout: rollout,
                        variant: variant,
                        unit: unit.isEmpty ? nil : unit,
                        epoch: decision.epoch,
                        revision: decision.revision,
                        issued: issued
                    )
                    return signature(of: message, with: keys.signingID, of: keys)
                }
            }
        }
        // Names hold nothing that a structured field would have to escape.
        return tag.map { tag in
            "\"\(rollout)\";v=\"\(variant)\";e=\(decision.epoch);r=\(decision.revision);i=\(issued)"
                + ";k=\(keys.signingID);u=?\(unit.isEmpty ? 0 : 1);t=:\(Base64.standard.encode(tag.bytes)):"
        }
    }

    // The next two are never inlined: the compiler would make a copy for every way in which the texts around them can lie in
    // memory, and the copies would be most of what this file adds to a program.

    @inline(never)
    private func signature(of message: DecisionMessage, with key: UInt8, of keys: KeyTable) -> AuthenticationTag? {
        keys.tag(of: message, with: key)
    }

    /// What becomes of another service's decision.
    enum Adoption {
        case adopted(Decision)
        case refused(DecisionTaint)
    }

    /// Judges a header. The causes in their order are those of `DecisionTaint`.
    @inline(never)
    func adoption(
        of field: UnsafeRawBufferPointer,
        _ request: RequestBytes,
        _ unit: String,
        through handle: RolloutHandle,
        at now: Int64
    ) -> Adoption {
        unsafe handle.id.text.withUnitBytes { rollout in
            var cursor = unsafe StructuredFieldCursor(field)
            switch unsafe cursor.member(of: rollout) {
            case .taint(let taint): return .refused(taint)
            case .found(let member):
                let variant = unsafe cursor[member.variant]
                if let taint = unsafe taint(of: member, rollout, variant, unit, at: now) { return .refused(taint) }
                return unsafe adoption(of: member, rollout, variant, request, through: handle)
            }
        }
    }

    /// Why a member is not to be believed, or nil.
    private func taint(
        of member: DecisionMember,
        _ rollout: UnsafeRawBufferPointer,
        _ variant: UnsafeRawBufferPointer,
        _ unit: String,
        at now: Int64
    ) -> DecisionTaint? {
        let keys = keys.current
        guard keys.hasKey(member.key) else { return .unknownKey }
        let tag = unsafe unit.withUnitBytes { unit in
            let message = unsafe DecisionMessage(
                rollout: rollout,
                variant: variant,
                unit: member.isBoundToUnit ? unit : nil,
                epoch: member.epoch,
                revision: member.revision,
                issued: member.issued
            )
            return signature(of: message, with: member.key, of: keys)
        }
        guard let tag, tag.matches(member.tag) else { return .forged }
        if now - Int64(member.issued) >= decisionLife { return .expired }
        if Int64(member.issued) > now + StickyToken.clockSkew { return .issuedInFuture }
        return nil
    }

    private func adoption(
        of member: DecisionMember,
        _ rollout: UnsafeRawBufferPointer,
        _ variant: UnsafeRawBufferPointer,
        _ request: RequestBytes,
        through handle: RolloutHandle
    ) -> Adoption {
        let tag = unsafe VariantTag(variant, in: rollout)
        let (origin, decision) = handle.read {
            ($0.origin, $0.decision(adopting: tag, epoch: member.epoch, for: request))
        }
        guard UInt32(truncatingIfNeeded: origin >> 32) == member.epoch else { return .refused(.otherEpoch) }
        // Tags are unique among the variants of a policy, and not beyond: so the name has the last word.
        guard let decision, unsafe decision.variant.name.text.utf8.elementsEqual(variant) else {
            return .refused(.unknownVariant)
        }
        return .adopted(decision)
    }
}

extension AuthenticationTag {
    fileprivate var bytes: [UInt8] {
        [words.0, words.1].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
    }
}

/// What the tag of a travelling decision is made of. Safe, because it is only made inside the closures that lend the
/// memory.
@safe struct DecisionMessage: SignedMessage {
    let rollout: UnsafeRawBufferPointer
    let variant: UnsafeRawBufferPointer
    /// Nil if the decision is bound to no unit.
    let unit: UnsafeRawBufferPointer?
    let epoch: UInt32
    let revision: UInt32
    let issued: UInt32

    func write(to sink: inout some MessageSink) {
        sink.update(label: "rollout.decision.v1")
        unsafe sink.update(counted: rollout)
        unsafe sink.update(counted: variant)
        if let unit = unsafe unit { unsafe sink.update(counted: unit) }
        sink.update(epoch)
        sink.update(revision)
        sink.update(issued)
    }
}
