/// The values of all cookies of one name in a `Cookie` header, one after the other.
///
/// Any bytes are a header. Pairs lie between `;`. Blanks and tabs around a pair are not part of it. The name goes up to the
/// first `=`, and its bytes are compared. Quotes are part of a value.
///
/// **Claim:** a header of n bytes costs O(n) steps, whatever it holds. Because
/// 1. the end of a pair is found in steps of at least a byte, but for the last one, and a pair has at least its `;`,
/// 2. a pair is compared with the name only if it is longer than the name, and over the length of the name at most,
/// 3. the blanks around a pair are its own, and each of them costs one step.
/// Nothing is allocated. Safe, because it is only made inside the closure that lends the memory.
@safe struct CookieScanner {
    private let header: UnsafeRawBufferPointer
    private let name: UnsafeRawBufferPointer
    private var position = 0

    /// Scans a header for cookies of a name.
    ///
    /// - Precondition: the name holds no `;` and no `=`.
    @inline(__always)
    init(_ header: UnsafeRawBufferPointer, name: UnsafeRawBufferPointer) {
        unsafe self.header = unsafe header
        unsafe self.name = unsafe name
    }

    /// The value of the next cookie of the name.
    @inline(__always)
    mutating func next() -> UnsafeRawBufferPointer? {
        while unsafe position < header.count {
            let start = afterBlanks(position)
            let end = semicolon(from: start)
            position = end + 1
            if isNamed(start, end) { return unsafe value(from: start + name.count + 1, to: end) }
        }
        return nil
    }

    private func afterBlanks(_ start: Int) -> Int {
        var start = start
        while unsafe start < header.count, isBlank(start) { start += 1 }
        return start
    }

    @inline(__always)
    private func isBlank(_ index: Int) -> Bool {
        unsafe header[index] == UInt8(ascii: " ") || header[index] == UInt8(ascii: "\t")
    }

    @inline(__always)
    private func isNamed(_ start: Int, _ end: Int) -> Bool {
        // The bytes of the name lie inside the pair, and so does the sign after them.
        guard unsafe end - start > name.count, unsafe header[start + name.count] == UInt8(ascii: "=")
        else { return false }
        var index = 0
        while unsafe index + 8 <= name.count {
            if unsafe header.word64(at: start + index) != name.word64(at: index) { return false }
            index += 8
        }
        while unsafe index < name.count {
            if unsafe header[start + index] != name[index] { return false }
            index += 1
        }
        return true
    }

    private func value(from start: Int, to end: Int) -> UnsafeRawBufferPointer {
        var end = end
        while end > start, isBlank(end - 1) { end -= 1 }
        return unsafe UnsafeRawBufferPointer(rebasing: header[start..<end])
    }

    /// Where the pair that starts here ends: at the next `;`, or the end of the header. Looks at sixteen bytes at a time.
    @inline(__always)
    private func semicolon(from start: Int) -> Int {
        var index = start
        while unsafe index + 16 <= header.count {
            let first = unsafe Self.semicolons(header.word64(at: index))
            if first != 0 { return index + first.trailingZeroBitCount / 8 }
            let second = unsafe Self.semicolons(header.word64(at: index + 8))
            if second != 0 { return index + 8 + second.trailingZeroBitCount / 8 }
            index += 16
        }
        if unsafe index + 8 <= header.count {
            let found = unsafe Self.semicolons(header.word64(at: index))
            if found != 0 { return index + found.trailingZeroBitCount / 8 }
            index += 8
        }
        while unsafe index < header.count && header[index] != UInt8(ascii: ";") { index += 1 }
        return index
    }

    /// A word whose lowest set bit is the top bit of the first byte that is `;`, or 0 if there is none.
    ///
    /// Xor makes a `;` zero. Subtracting 1 from every byte sets the top bit of a zero. By a borrow it may also set the top
    /// bits of bytes after a zero, but never of one before. Bytes whose own top bit was set are taken out.
    @inline(__always)
    private static func semicolons(_ word: UInt64) -> UInt64 {
        let zeros = word ^ 0x3B3B_3B3B_3B3B_3B3B
        return (zeros &- 0x0101_0101_0101_0101) & ~zeros & 0x8080_8080_8080_8080
    }
}
