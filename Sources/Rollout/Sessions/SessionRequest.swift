/// What a session needs of a request.
///
/// Routing it counts no reference; making it counts one for each text of more than 15 bytes, as any struct of strings does.
public struct SessionRequest: Sendable {
    // An empty text stands for none: to take a text out of an optional would count a reference.
    let unitText: String
    let hostText: String
    let cookies: String
    let now: UnixTime

    /// A request.
    ///
    /// - Parameters:
    ///   - unit: What is bucketed; nil and an empty text are no unit.
    ///   - host: The value of the `Host` header, in any case, with or without port.
    ///   - cookies: The value of the `Cookie` header.
    ///   - now: The time of the request. No cookie is written before 1970 or after 2106, because a token holds its times in
    ///     32 bits.
    public init(unit: String? = nil, host: String? = nil, cookies: String? = nil, now: UnixTime = .now) {
        self.unitText = Self.native(unit)
        self.hostText = Self.native(host)
        self.now = now
        self.cookies = Self.native(cookies)
    }

    /// A request with any number of `Cookie` headers, as HTTP/2 may split them. Joined by `"; "` they are one.
    ///
    /// - Parameters:
    ///   - unit: What is bucketed; nil and an empty text are no unit.
    ///   - host: The value of the `Host` header.
    ///   - cookies: The values of the `Cookie` headers in their order.
    ///   - now: The time of the request.
    public init(unit: String? = nil, host: String? = nil, cookies: [String], now: UnixTime = .now) {
        let joined = cookies.count == 1 ? cookies[0] : cookies.joined(separator: "; ")
        self.init(unit: unit, host: host, cookies: joined, now: now)
    }

    var unit: String? { unitText.isEmpty ? nil : unitText }
    var host: String? { hostText.isEmpty ? nil : hostText }

    /// The text in contiguous UTF-8, empty for none. Only a text bridged from Objective-C is copied.
    private static func native(_ text: String?) -> String {
        var text = text ?? ""
        text.makeContiguousUTF8()
        return text
    }
}

/// A request as the session takes it. Safe, because it is only made inside the closures that lend the memory.
@safe struct SessionBytes {
    /// The unit's bytes; empty for no unit.
    let unit: UnsafeRawBufferPointer
    /// The normalised host's bytes; empty for no host.
    let host: UnsafeRawBufferPointer
    /// The bytes of the `Cookie` header; empty for no header.
    let cookies: UnsafeRawBufferPointer
    /// Unix seconds, ``StickyToken/clamped(_:)``.
    let now: Int64
    /// The same as the engine takes it.
    let request: RequestBytes
    /// The keys that verify and sign all of this request: `KeyCell` says why they are read once.
    let keys: KeyTable

    var hasUnit: Bool { unsafe !unit.isEmpty }

    /// Calls the body with the bytes of a request. A host that has to be lowered is copied: to the stack, over 1 KiB to the heap.
    ///
    /// The body is called in one place, and there is no second path for texts bridged from Objective-C. So everything is
    /// inlined, and no closure is made that would count references to the texts.
    ///
    /// - Returns: What the body returns, or nil if a text is not in contiguous UTF-8.
    @inline(__always)
    static func with<Result>(
        unit: String,
        host: String,
        cookies: String,
        now: UnixTime,
        keys: KeyTable,
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
                                request: RequestBytes(unit: unit, host: header),
                                keys: keys
                            )
                        )
                    }
                }
            } ?? nil
        } ?? nil
    }
}
