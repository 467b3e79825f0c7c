extension HostName {
    /// Calls the body with the normalised bytes of a `Host` header, or with nil where they are longer than any
    /// rule's host.
    static func withNormalized<Result>(_ header: String, _ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
        unsafe header.withUnitBytes { bytes in unsafe withNormalized(bytes, body) }
    }

    /// The same for a header that lies in memory, and any limit.
    @inline(__always)
    static func withNormalized<Result>(
        _ header: UnsafeRawBufferPointer,
        limit: Int = PolicyLimits.textBytes,
        _ body: (UnsafeRawBufferPointer?) -> Result
    ) -> Result {
        let count = unsafe length(of: header)
        guard count <= limit else { return body(nil) }
        return unsafe withUnsafeTemporaryAllocation(byteCount: max(count, 1), alignment: 1) { lowered in
            for index in 0..<count { unsafe lowered[index] = unsafe lowercased(header[index]) }
            return unsafe body(UnsafeRawBufferPointer(rebasing: lowered[..<count]))
        }
    }
}
