/// The reference's multipliers, under the reference's names.
extension XXH3 {
    enum Prime32 {
        @inline(__always) static var first: UInt64 { 0x9E37_79B1 }
        @inline(__always) static var second: UInt64 { 0x85EB_CA77 }
        @inline(__always) static var third: UInt64 { 0xC2B2_AE3D }
    }

    enum Prime64 {
        @inline(__always) static var first: UInt64 { 0x9E37_79B1_85EB_CA87 }
        @inline(__always) static var second: UInt64 { 0xC2B2_AE3D_27D4_EB4F }
        @inline(__always) static var third: UInt64 { 0x1656_67B1_9E37_79F9 }
        @inline(__always) static var fourth: UInt64 { 0x85EB_CA77_C2B2_AE63 }
        @inline(__always) static var fifth: UInt64 { 0x27D4_EB2F_1656_67C5 }
    }
}

/// The steps that spread every input bit over the whole result.
extension XXH3 {
    /// Both halves of the 128-bit product, folded into one word.
    @inline(__always)
    static func foldedProduct(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    /// The last step for inputs of 9 bytes and more.
    @inline(__always)
    static func avalanche(_ value: UInt64) -> UInt64 {
        var hash = value
        hash ^= hash &>> 37
        hash &*= 0x1656_6791_9E37_79F9
        return hash ^ (hash &>> 32)
    }

    /// The last step for inputs of up to 3 bytes; XXH64's.
    @inline(__always)
    static func avalancheXXH64(_ value: UInt64) -> UInt64 {
        var hash = value
        hash ^= hash &>> 33
        hash &*= Prime64.second
        hash ^= hash &>> 29
        hash &*= Prime64.third
        return hash ^ (hash &>> 32)
    }

    /// The last step for inputs of 4 to 8 bytes; Pelle Evensen's rrmxmx.
    @inline(__always)
    static func avalancheRRMXMX(_ value: UInt64, count: Int) -> UInt64 {
        var hash = value
        hash ^= rotatedLeft(hash, by: 49) ^ rotatedLeft(hash, by: 24)
        hash &*= 0x9FB2_1C65_1E98_DF25
        hash ^= (hash &>> 35) &+ UInt64(truncatingIfNeeded: count)
        hash &*= 0x9FB2_1C65_1E98_DF25
        return hash ^ (hash &>> 28)
    }

    @inline(__always)
    private static func rotatedLeft(_ value: UInt64, by distance: UInt64) -> UInt64 {
        (value &<< distance) | (value &>> (64 &- distance))
    }
}
