/// A request as the session takes it. Safe, because it is only made inside the closures that lend the memory.
@safe struct SessionBytes {
    /// The unit's bytes; none for no unit.
    let unit: UnsafeRawBufferPointer
    /// The normalised host's bytes; none for no host.
    let host: UnsafeRawBufferPointer
    /// The bytes of the `Cookie` header; none for no header.
    let cookies: UnsafeRawBufferPointer
    /// Unix seconds, ``StickyToken/clamped(_:)``.
    let now: Int64
    /// The same as the engine takes it.
    let request: RequestBytes

    var hasUnit: Bool { unsafe !unit.isEmpty }

    /// Calls the body with the bytes of a request, on the stack (a host of over 1 KiB on the heap).
    ///
    /// The body is passed on once, and not to a second path for strings bridged from elsewhere: so all of this is inlined,
    /// and no closure is made that would count references to the texts.
    @inline(__always)
    static func with<Result>(
        unit: String,
        host: String,
        cookies: String,
        now: UnixTime,
        _ body: (SessionBytes) -> Result
    ) -> Result? {
        unsafe unit.utf8.withContiguousStorageIfAvailable { unit in
            unsafe host.utf8.withContiguousStorageIfAvailable { header in
                unsafe cookies.utf8.withContiguousStorageIfAvailable { cookies in
                    let unit = UnsafeRawBufferPointer(unit)
                    let header = UnsafeRawBufferPointer(header)
                    return unsafe HostName.withNormalized(header) { host in
                        body(
                            unsafe SessionBytes(
                                unit: unit,
                                host: host,
                                cookies: UnsafeRawBufferPointer(cookies),
                                now: StickyToken.clamped(now),
                                request: RequestBytes(unit: unit, host: header)
                            )
                        )
                    }
                }
            } ?? nil
        } ?? nil
    }
}
