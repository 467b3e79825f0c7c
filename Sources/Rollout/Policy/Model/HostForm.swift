/// What a `Host` header can have (RFC 9110, 7.2, and RFC 3986, 3.2.2). A rule for anything else never applies.
package enum HostForm {
    private static let ports = 1...65_535

    /// What was to be expected in the place of a host in its normal form, or nil if a header can have it.
    static func expectation(for host: String) -> String? {
        let bytes = Array(host.utf8)
        if bytes.first == UInt8(ascii: "[") { return expectation(forBracketed: bytes) }
        guard bytes.allSatisfy({ $0 < 0x80 }) else {
            return "a host in ASCII as a Host header has it (other letters travel as punycode, \"xn--…\")"
        }
        guard bytes.allSatisfy(isHostByte) else {
            return "a host of letters, digits and -._~!$&'()+;= as a Host header has it"
        }
        if bytes.contains(UInt8(ascii: "*")) { return "a whole host, because \"*\" stands for no others" }
        if bytes.contains(UInt8(ascii: ":")) {
            return isIPv6(bytes[...]) ? "an IPv6 address in brackets, such as \"[::1]\"" : expectedPort
        }
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.contains { $0.isEmpty } ? "a host whose dots have a part on either side" : nil
    }

    /// What was to be expected in the place of a host as somebody wrote it, if it has a port that is none; nil otherwise.
    ///
    /// The normal form of the host has lost the port, whatever its number.
    package static func expectation(forPortOf text: String) -> String? {
        let bytes = Array(text.utf8)
        let end = unsafe bytes.withUnsafeBytes { bytes in unsafe HostName.length(of: bytes) }
        let digits = bytes[end...].drop { !isDigit($0) }
        if digits.isEmpty { return nil }
        let number = digits.drop { $0 == UInt8(ascii: "0") }.prefix(6).reduce(0) {
            10 * $0 + Int($1 - UInt8(ascii: "0"))
        }
        return ports.contains(number) ? nil : expectedPort
    }

    private static let expectedPort = "nothing after \":\" but a port in \(spelled(ports))"

    /// `:` and `*` too, which need a message of their own.
    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "!"), UInt8(ascii: "$"),
            UInt8(ascii: "&")...UInt8(ascii: "+"), UInt8(ascii: ";"), UInt8(ascii: "="), UInt8(ascii: ":"):
            true
        default: false
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    // MARK: Addresses

    /// Whether this is an IPv6 address, with brackets or without.
    static func isIPv6(_ text: Substring.UTF8View) -> Bool {
        var bytes = text.map(HostName.lowercased)[...]
        if bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]") { bytes = bytes.dropFirst().dropLast() }
        return isIPv6(bytes)
    }

    private static func expectation(forBracketed bytes: [UInt8]) -> String? {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "]")), isIPv6(bytes[1..<end]) else {
            return "an IPv6 address between brackets, such as \"[::1]\""
        }
        return end == bytes.count - 1 ? nil : expectedPort
    }

    /// Whether this is an IPv6 address in lower case (RFC 4291, 2.2).
    private static func isIPv6(_ text: ArraySlice<UInt8>) -> Bool {
        var groups = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        // `::` is an empty group, and at either end of the address it is two.
        if groups[0].isEmpty {
            guard groups.count > 2, groups[1].isEmpty else { return false }
            groups.removeFirst()
        }
        if groups[groups.count - 1].isEmpty {
            guard groups.count > 1, groups[groups.count - 2].isEmpty else { return false }
            groups.removeLast()
        }
        // Of `::`, one empty group is left.
        let gaps = groups.count { $0.isEmpty }
        var count = groups.count - gaps
        if isIPv4(groups[groups.count - 1]) {
            groups.removeLast()
            count += 1
        }
        return groups.allSatisfy(isGroup) && (gaps == 0 ? count == 8 : gaps == 1 && count < 8)
    }

    private static func isGroup(_ digits: ArraySlice<UInt8>) -> Bool {
        digits.count <= 4 && digits.allSatisfy { isDigit($0) || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 }
    }

    private static func isIPv4(_ text: ArraySlice<UInt8>) -> Bool {
        let numbers = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return numbers.count == 4
            && numbers.allSatisfy { $0.allSatisfy(isDigit) && UInt8(String(decoding: $0, as: UTF8.self)) != nil }
    }
}
