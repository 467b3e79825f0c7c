/// Base64 (RFC 4648): ``standard`` as key files and structured fields hold it, ``url`` as tokens do.
///
/// Strict: every text that is accepted is the one that encoding gives.
///
/// Without references, so that a request that uses it counts none. Unchecked, because of the pointers: nothing is written
/// behind them after `init`. The tables are never freed, because there are two for the life of the process.
@safe struct Base64: @unchecked Sendable {
    /// Section 4: the last digits are `+` and `/`, and the text is padded to a multiple of four.
    static let standard = Base64(lastDigits: "+/", isPadded: true)
    /// Section 5: the last digits are `-` and `_`; without padding.
    static let url = Base64(lastDigits: "-_", isPadded: false)

    private let isPadded: Bool
    /// The 64 digits by their values.
    private let digits: UnsafePointer<UInt8>
    /// For each of the 256 bytes the value of the digit that it is, or -1.
    private let values: UnsafePointer<Int8>

    private init(lastDigits: String, isPadded: Bool) {
        self.isPadded = isPadded
        let digits = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)
        let values = UnsafeMutablePointer<Int8>.allocate(capacity: 256)
        unsafe values.initialize(repeating: -1, count: 256)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\(lastDigits)"
        for (value, digit) in alphabet.utf8.enumerated() {
            unsafe (digits + value).initialize(to: digit)
            unsafe values[Int(digit)] = Int8(value)
        }
        unsafe self.digits = UnsafePointer(digits)
        unsafe self.values = UnsafePointer(values)
    }

    /// The text of some bytes.
    func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                if place <= group.count {
                    // Six bits are an index into the 64 digits.
                    text.append(unsafe digits[Int(bits >> UInt32(18 - 6 * place) & 63)])
                } else if isPadded {
                    text.append(UInt8(ascii: "="))
                }
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of a padded text, or nil if it has other characters, another length, or unused bits that are not 0.
    func decode(_ text: some BidirectionalCollection<UInt8>) -> [UInt8]? {
        let padding = text.reversed().prefix(2).prefix { $0 == UInt8(ascii: "=") }.count
        guard text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for character in text.dropLast(padding) {
            let value = value(of: character)
            guard value >= 0 else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
                bits &= 1 << count - 1
            }
        }
        return bits == 0 ? bytes : nil
    }

    /// Eight digits as 48 bits, the first in the most significant ones. If one of them is no digit, the sign is negative.
    ///
    /// **Claim:** the 48 bits are never negative for eight digits, and always for anything else. Because
    /// 1. each of eight values takes 6 bits,
    /// 2. -1 is all ones, and is shifted by 42 at most, which leaves the sign set; what comes after is joined by `or`.
    ///
    /// - Precondition: there are at least eight bytes from the offset on.
    @inline(__always)
    func bits(of text: UnsafeRawBufferPointer, from offset: Int) -> Int64 {
        var bits: Int64 = 0
        for place in 0..<8 { bits = unsafe bits << 6 | Int64(value(of: text[offset + place])) }
        return bits
    }

    /// Safe, because a byte is an index into the 256 values.
    @inline(__always)
    private func value(of character: UInt8) -> Int8 { unsafe values[Int(character)] }
}
