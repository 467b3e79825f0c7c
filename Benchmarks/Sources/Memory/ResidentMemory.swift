#if canImport(Glibc)
    import Glibc
#endif

/// The bytes of the process that are in memory (VmRSS), or nil where the system does not say so in `/proc`.
var residentBytes: Int? {
    #if os(Linux)
        guard let file = unsafe fopen("/proc/self/statm", "r") else { return nil }
        defer { unsafe fclose(file) }
        var text = [CChar](repeating: 0, count: 256)
        guard unsafe fgets(&text, 255, file) != nil else { return nil }
        let fields = String(decoding: text.prefix { $0 > 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
            separator: " "
        )
        return fields.count > 1 ? Int(fields[1]).map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) } : nil
    #else
        return nil
    #endif
}

/// Gives what is free back to the system, where it has a call for it, so that only what is held is counted.
func trimMemory() {
    #if os(Linux)
        typealias Trim = @convention(c) (Int) -> Int32
        guard let call = unsafe dlsym(nil, "malloc_trim") else { return }
        _ = unsafe unsafeBitCast(call, to: Trim.self)(0)
    #endif
}
