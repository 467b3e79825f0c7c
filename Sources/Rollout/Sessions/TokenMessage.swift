/// What a token's tag is made of: the purpose, the rollout, the host and the unit, then the payload.
///
/// So a token of one rollout, host or unit is worth nothing for another. Safe, because it is only made inside the closures
/// that lend the memory.
@safe struct TokenMessage: SignedMessage {
    private let rollout: UnsafeRawBufferPointer
    private let host: UnsafeRawBufferPointer
    private let unit: UnsafeRawBufferPointer
    private let token: TokenBytes

    /// A message; no unit and no host are no bytes.
    @inline(__always)
    init(
        _ token: TokenBytes,
        rollout: UnsafeRawBufferPointer,
        host: UnsafeRawBufferPointer,
        unit: UnsafeRawBufferPointer
    ) {
        unsafe self.rollout = unsafe rollout
        unsafe self.host = unsafe host
        unsafe self.unit = unsafe unit
        self.token = token
    }

    @inline(__always)
    func write(to sink: inout some MessageSink) {
        sink.update(label: "rollout.sticky.v1")
        unsafe sink.update(counted: rollout)
        unsafe sink.update(counted: host)
        unsafe sink.update(counted: unit)
        unsafe token.withPayload { payload in unsafe sink.update(payload) }
    }
}
