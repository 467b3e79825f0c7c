/// Well-formed UTF-8, as table 3-7 of the Unicode standard defines it.
enum JSONUTF8 {
    /// How many bytes the scalar at that offset has, or nil if none that is well formed starts there.
    static func scalarLength(at offset: Int, in bytes: [UInt8]) -> Int? {
        let lead = bytes[offset]
        // The second byte's range is what rules out overlong forms, surrogates and values above U+10FFFF.
        let length: Int
        let second: ClosedRange<UInt8>
        switch lead {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return nil
        }
        guard offset + length <= bytes.count, second ~= bytes[offset + 1] else { return nil }
        for continuation in offset + 2..<max(offset + 2, offset + length)
        where !(0x80...0xBF ~= bytes[continuation]) {
            return nil
        }
        return length
    }
}
