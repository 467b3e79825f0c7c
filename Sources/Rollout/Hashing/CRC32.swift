/// CRC-32 of IEEE 802.3, as zlib has it, by eight bytes at a time ("slicing-by-8": M. E. Kounavis and F. L. Berry, 2005).
struct CRC32: StreamedHash {
    private var remainder: UInt32
    private let tables = Tables.shared

    /// - Parameter value: The CRC of what came before.
    init(from value: UInt32 = 0) { remainder = ~value }

    var value: UInt32 { ~remainder }

    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var place = 0
        while bytes.count &- place >= 8 {
            unsafe add(bytes.word64(at: place))
            place &+= 8
        }
        while place < bytes.count {
            unsafe add(UInt8(truncatingIfNeeded: bytes.byte(at: place)))
            place &+= 1
        }
    }

    @inline(__always)
    mutating func append(_ word: UInt64, count: Int) {
        if count == 8 { return add(word) }
        var word = word
        for _ in 0..<count {
            add(UInt8(truncatingIfNeeded: word))
            word = word &>> 8
        }
    }

    @inline(__always)
    private mutating func add(_ byte: UInt8) {
        remainder = remainder &>> 8 ^ tables[0, UInt8(truncatingIfNeeded: remainder) ^ byte]
    }

    /// Adds eight bytes, the first one in the lowest bits.
    @inline(__always)
    private mutating func add(_ word: UInt64) {
        let sum = word ^ UInt64(remainder)
        var (rest, mixed): (UInt64, UInt32) = (sum, 0)
        for zeros in (0..<8).reversed() {
            mixed ^= tables[zeros, UInt8(truncatingIfNeeded: rest)]
            rest = rest &>> 8
        }
        remainder = mixed
    }

    /// What a byte leaves when the polynomial divides it and up to seven zeros behind it.
    ///
    /// Without references, so that a request that uses it counts none. Unchecked, because of the pointer: nothing is written
    /// behind it after `init`. The tables are never freed, because there is one set for the life of the process.
    @safe struct Tables: @unchecked Sendable {
        static let shared = Tables()

        private let remainders: UnsafePointer<UInt32>

        private init() {
            let remainders = UnsafeMutablePointer<UInt32>.allocate(capacity: 8 * 256)
            for place in 0..<8 * 256 {
                // One byte more after what the table before says; before the first one, after the byte itself.
                let start = unsafe place < 256 ? UInt32(place) : remainders[place - 256]
                let remainder = (0..<8).reduce(start) { rest, _ in rest >> 1 ^ (rest & 1 == 0 ? 0 : 0xEDB8_8320) }
                // place < 8 * 256.
                unsafe (remainders + place).initialize(to: remainder)
            }
            unsafe self.remainders = UnsafePointer(remainders)
        }

        /// - Precondition: `zeros` is below 8.
        @inline(__always)
        subscript(zeros: Int, byte: UInt8) -> UInt32 {
            // One of the 8 * 256 that were written.
            unsafe remainders[zeros &* 256 &+ Int(byte)]
        }
    }
}
