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

extension XXH3 {
    /// The default secret: 192 bytes of the reference (`XXH3_kSecret`) as 24 little-endian words.
    enum Secret {
        typealias Words = (
            UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64,
            UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64
        )

        /// Computed and not stored, so that there is no global to initialise on first use. The short paths name single words,
        /// which become immediates of the instructions.
        @inline(__always)
        static var words: Words {
            (
                0xBE4B_A423_396C_FEB8, 0x1CAD_21F7_2C81_017C, 0xDB97_9083_E96D_D4DE, 0x1F67_B3B7_A4A4_4072,
                0x78E5_C0CC_4EE6_79CB, 0x2172_FFCC_7DD0_5A82, 0x8E24_43F7_7446_08B8, 0x4C26_3A81_E690_35E0,
                0xCB00_C391_BB52_283C, 0xA32E_531B_8B65_D088, 0x4EF9_0DA2_9748_6471, 0xD8AC_DEA9_46EF_1938,
                0x3F34_9CE3_3F76_FAA8, 0x1D4F_0BC7_C7BB_DCF9, 0x3159_B4CD_4BE0_518A, 0x6473_78D9_C97E_9FC8,
                0xC3EB_D334_83AC_C5EA, 0xEB63_13FA_FFA0_81C5, 0x49DA_F0B7_51DD_0D17, 0x9E68_D429_2655_16D3,
                0xFCA1_477D_58BE_162B, 0xCE31_D07A_D1B8_F88F, 0x2804_1695_8F3A_CB45, 0x7E40_4BBB_CAFB_D7AF
            )
        }

        /// Calls `body` with the secret's 192 bytes, for the paths that read it at running or odd offsets.
        @inline(__always)
        static func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
            var bytes = littleEndianWords
            return unsafe withUnsafeBytes(of: &bytes) { bytes in unsafe body(bytes) }
        }

        /// The words in the byte order of memory, so that their bytes are those of the reference on every machine.
        @inline(__always)
        private static var littleEndianWords: Words {
            let s = words
            return (
                s.0.littleEndian, s.1.littleEndian, s.2.littleEndian, s.3.littleEndian,
                s.4.littleEndian, s.5.littleEndian, s.6.littleEndian, s.7.littleEndian,
                s.8.littleEndian, s.9.littleEndian, s.10.littleEndian, s.11.littleEndian,
                s.12.littleEndian, s.13.littleEndian, s.14.littleEndian, s.15.littleEndian,
                s.16.littleEndian, s.17.littleEndian, s.18.littleEndian, s.19.littleEndian,
                s.20.littleEndian, s.21.littleEndian, s.22.littleEndian, s.23.littleEndian
            )
        }
    }
}
