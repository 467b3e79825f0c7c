/// What a request brings, as the engine takes it: the unit with its hash, and the normalised host.
///
/// Safe, because it is only made inside the closures that lend the memory.
@safe struct RequestBytes {
    let unit: BorrowedUnit?
    let host: UnsafeRawBufferPointer?

    /// Calls the body with the bytes of a request, on the stack.
    static func with<Result>(unit: String?, host: String?, _ body: (RequestBytes) -> Result) -> Result {
        unsafe (unit ?? "").withUnitBytes { bytes in
            let unit = unsafe bytes.isEmpty ? nil : BorrowedUnit(bytes)
            guard let host else { return body(unsafe RequestBytes(unit: unit, host: nil)) }
            return unsafe HostName.withNormalized(host) { host in body(unsafe RequestBytes(unit: unit, host: host)) }
        }
    }
}
