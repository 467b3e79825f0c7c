/// What the tag of a travelling decision is made of. Safe, because it is only made inside the closures that lend the
/// memory.
@safe struct DecisionMessage: SignedMessage {
    let rollout: UnsafeRawBufferPointer
    let variant: UnsafeRawBufferPointer
    /// Nil where the decision is bound to no unit.
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
