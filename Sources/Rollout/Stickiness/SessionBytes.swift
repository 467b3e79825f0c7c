/// A request as the session takes it. Safe, because it is only made inside the closures that lend the memory.
@safe struct SessionBytes {
    /// The unit's bytes; none for no unit.
    let unit: UnsafeRawBufferPointer
    /// The normalised host's bytes; none for no host.
    let host: UnsafeRawBufferPointer
    /// Unix seconds, clamped.
    let now: Int64
    /// The same as the engine takes it.
    let request: RequestBytes

    var hasUnit: Bool { unsafe !unit.isEmpty }

    /// Calls the body with the bytes of a request, on the stack (a host of over 1 KiB on the heap).
    @inline(__always)
    static func with<Result>(_ request: SessionRequest, _ body: (SessionBytes) -> Result) -> Result {
        unsafe (request.unit ?? "").withUnitBytes { unit in
            unsafe HostName.withNormalized(request.host ?? "", limit: .max) { host in
                let engineUnit = unsafe unit.isEmpty ? nil : BorrowedUnit(unit)
                return body(
                    unsafe SessionBytes(
                        unit: unit,
                        host: host ?? UnsafeRawBufferPointer(start: nil, count: 0),
                        now: StickyToken.clamped(request.now),
                        request: RequestBytes(unit: engineUnit, host: request.host == nil ? nil : host)
                    )
                )
            }
        }
    }
}
