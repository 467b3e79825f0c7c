/// A unit as the engine takes it: never empty. Safe because it is only made inside the closure that lends the memory.
@safe struct BorrowedUnit {
    let bytes: UnsafeRawBufferPointer
    /// XXH3-64 of the bytes.
    let key: UInt64

    /// - Parameters:
    ///   - bytes: The unit's bytes.
    ///   - key: Their hash.
    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer, key: UInt64) {
        unsafe self.bytes = unsafe bytes
        self.key = key
    }

    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) { unsafe self.init(bytes, key: XXH3.hash(bytes)) }
}

/// What a request brings, as the engine takes it. Safe because it is only made inside the closures that lend the memory.
///
/// Nothing is hashed or normalised before a rule asks for it. Four words, so that it is passed in registers.
@safe struct RequestBytes {
    /// The unit's bytes; none for no unit.
    let unit: UnsafeRawBufferPointer
    /// The bytes of the `Host` header; none for no header.
    let host: UnsafeRawBufferPointer

    @inline(__always)
    init(unit: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer) {
        unsafe self.unit = unsafe unit
        unsafe self.host = unsafe host
    }

    var hasUnit: Bool { unsafe !unit.isEmpty }

    /// The unit with its hash, or nil for no unit. Hashes it at each call.
    var hashedUnit: BorrowedUnit? { unsafe hasUnit ? BorrowedUnit(unit, key: unitKey) : nil }

    /// XXH3-64 of the unit's bytes.
    ///
    /// A call, because a host or an assignment often decides without it. Compiled into the loop that reads again, it would
    /// have some 25 instructions brought forward to where every request passes.
    var unitKey: UInt64 {
        @inline(never) get { unsafe XXH3.hash(unit) }
    }

    /// Calls the body with the bytes of a request; an empty text is none.
    ///
    /// The body should be one call: it stands here for each way in which two strings can be stored.
    @inline(__always)
    static func with<Result>(unit: String, host: String, _ body: (RequestBytes) -> Result) -> Result {
        let result = unsafe unit.utf8.withContiguousStorageIfAvailable { unit in
            unsafe host.utf8.withContiguousStorageIfAvailable { host in
                body(unsafe RequestBytes(unit: UnsafeRawBufferPointer(unit), host: UnsafeRawBufferPointer(host)))
            }
        }
        if let result = result ?? nil { return result }
        return withCopies(unit: unit, host: host, body)
    }

    /// The same for a string whose bytes are elsewhere, bridged from Objective-C.
    @inline(never)
    private static func withCopies<Result>(unit: String, host: String, _ body: (RequestBytes) -> Result) -> Result {
        unsafe unit.withUnitBytes { unit in
            unsafe host.withUnitBytes { host in body(unsafe RequestBytes(unit: unit, host: host)) }
        }
    }

    /// Calls the body with the bytes of a request. To write `unit ?? ""` instead would count a reference.
    @inline(__always)
    static func with<Result>(unit: String?, host: String?, _ body: (RequestBytes) -> Result) -> Result {
        if let unit {
            if let host { return with(unit: unit, host: host, body) }
            return with(unit: unit, host: "", body)
        }
        if let host { return with(unit: "", host: host, body) }
        return with(unit: "", host: "", body)
    }
}

extension HostName {
    /// The host within a `Host` header: all of it but a port and one trailing dot.
    @inline(__always)
    static func name(in header: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: header[..<length(of: header)])
    }

    /// Calls the body with the normalised bytes of a `Host` header. Nearly all headers are in lower case, and are not copied;
    /// others are copied to the stack.
    ///
    /// There is one call of the body, so a long one is compiled once.
    @inline(__always)
    static func withNormalized<Result>(
        _ header: UnsafeRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        let name = unsafe name(in: header)
        let staysAsItIs = unsafe !HostScan(name).mayHaveUpperCase
        return unsafe withUnsafeTemporaryAllocation(byteCount: staysAsItIs ? 1 : name.count, alignment: 1) { copy in
            unsafe body(staysAsItIs ? name : lower(name, into: copy))
        }
    }

    /// Calls the body with a host in lower case, copied to the stack.
    static func withLowered<Result>(
        _ name: UnsafeRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        unsafe withUnsafeTemporaryAllocation(byteCount: name.count, alignment: 1) { copy in
            unsafe body(lower(name, into: copy))
        }
    }

    private static func lower(
        _ name: UnsafeRawBufferPointer,
        into copy: UnsafeMutableRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        for index in 0..<name.count { unsafe copy[index] = unsafe lowercased(name[index]) }
        return unsafe UnsafeRawBufferPointer(rebasing: copy[..<name.count])
    }
}

/// What one look at the bytes of a host tells, eight of them at a time: where it is in a table of hosts, and whether it may
/// have to be lowered first.
struct HostScan {
    /// The hash by which tables of hosts are searched. It is no contract: nothing outside the process depends on it.
    private(set) var hash: UInt64
    private var letters: UInt64 = 0

    @inline(__always)
    init(_ host: UnsafeRawBufferPointer) {
        hash = UInt64(truncatingIfNeeded: host.count)
        var offset = 0
        while host.count &- offset >= 8 {
            unsafe add(host.word64(at: offset))
            offset &+= 8
        }
        if offset < host.count { unsafe add(host.rest(from: offset)) }
    }

    @inline(__always)
    private mutating func add(_ word: UInt64) {
        letters |= word & ~(word &<< 1)
        hash = XXH3.foldedProduct(hash ^ word, XXH3.Prime64.first)
    }

    /// Whether a byte may be a letter `A ... Z`: true if one is, and also for a few other bytes.
    ///
    /// **Claim:** no letter is overlooked. Because `A ... Z` are 0x41 ... 0x5A, with the bit of 0x40 set and that of 0x20
    /// clear, and the shift brings each byte's bit of 0x20 to the place of its bit of 0x40, which the mask keeps. One of
    /// `@ [ \ ] ^ _` passes for a letter, and so may a byte beyond ASCII; lowering leaves them as they are.
    @inline(__always)
    var mayHaveUpperCase: Bool { letters & 0x4040_4040_4040_4040 != 0 }
}
