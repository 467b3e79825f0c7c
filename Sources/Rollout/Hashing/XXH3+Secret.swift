extension XXH3 {
    /// The default secret: 192 bytes of the reference (`XXH3_kSecret`) as 24 little-endian words.
    enum Secret {
        typealias Words = (
            UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64,
            UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64
        )

        /// Computed, not stored: the short paths name single words, which become immediates of the instructions,
        /// and there is no global to initialise on first use.
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

        /// The words as they lie in memory when their bytes are to read as the reference's.
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
