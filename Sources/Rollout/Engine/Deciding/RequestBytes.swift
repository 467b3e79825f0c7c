/// What a request brings, as the engine takes it: the unit with its hash, and the host.
///
/// Safe, because it is only made inside the closures that lend the memory.
@safe struct RequestBytes {
    let unit: BorrowedUnit?
    let host: UnsafeRawBufferPointer?
    /// Whether the host is as the request spells it: it is normalised where a rule asks for it, and not otherwise.
    private(set) var hostIsHeader = false

    /// A request with a host that is normalised already.
    init(unit: BorrowedUnit?, host: UnsafeRawBufferPointer?) {
        self.unit = unit
        unsafe self.host = unsafe host
    }

    /// Calls the body with the bytes of a request.
    @inline(__always)
    static func with<Result>(unit: String?, host: String?, _ body: (RequestBytes) -> Result) -> Result {
        unsafe withBytes(of: unit) { unit in
            unsafe withBytes(of: host) { host in
                let unit = unsafe unit.flatMap { unsafe $0.isEmpty ? nil : BorrowedUnit($0) }
                var request = unsafe RequestBytes(unit: unit, host: host)
                request.hostIsHeader = true
                return body(request)
            }
        }
    }

    @inline(__always)
    private static func withBytes<Result>(of text: String?, _ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
        guard let text else { return body(nil) }
        return unsafe text.withUnitBytes { bytes in unsafe body(bytes) }
    }

    /// Calls the body with the normalised host, or with nil where there is none that a rule could name.
    @inline(__always)
    func withNormalizedHost<Result>(_ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
        guard let host = unsafe host, hostIsHeader else { return unsafe body(host) }
        return unsafe HostName.withNormalized(host, body)
    }
}
