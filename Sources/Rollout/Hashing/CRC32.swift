/// CRC-32 of IEEE 802.3, as zlib has it.
struct CRC32: BlockHash {
    private var remainder: UInt32 = .max
    private let table = Table.shared

    @inline(__always)
    mutating func absorb(_ bytes: UnsafeRawBufferPointer) {
        for place in 0..<MessageBlock.size { unsafe add(bytes.byte(at: place)) }
    }

    @inline(__always)
    consuming func end(_ block: inout MessageBlock, count: Int) -> UInt32 {
        unsafe block.withBytes { bytes in
            for place in 0..<(count & 63) { unsafe add(bytes.byte(at: place)) }
        }
        return ~remainder
    }

    @inline(__always)
    private mutating func add(_ byte: UInt64) {
        remainder = remainder &>> 8 ^ table[UInt8(truncatingIfNeeded: remainder) ^ UInt8(truncatingIfNeeded: byte)]
    }

    /// What each byte leaves when the polynomial divides it.
    ///
    /// Without references, so that a request that uses it counts none. Unchecked, because of the pointer: nothing is written
    /// behind it after `init`. The table is never freed, because there is one for the life of the process.
    @safe struct Table: @unchecked Sendable {
        static let shared = Table()

        private let remainders: UnsafePointer<UInt32>

        private init() {
            let remainders = UnsafeMutablePointer<UInt32>.allocate(capacity: 256)
            for byte in 0..<256 {
                let remainder = (0..<8).reduce(UInt32(byte)) { rest, _ in rest >> 1 ^ (rest & 1 == 0 ? 0 : 0xEDB8_8320)
                }
                // byte < 256.
                unsafe (remainders + byte).initialize(to: remainder)
            }
            unsafe self.remainders = UnsafePointer(remainders)
        }

        @inline(__always)
        subscript(byte: UInt8) -> UInt32 {
            // One of the 256 that were written.
            unsafe remainders[Int(byte)]
        }
    }
}
