extension String {
    /// One letter of ASCII so many times. `init(repeating:count:)` appends them one by one, which takes a second for ten million.
    static func letters(_ count: Int, _ letter: Unicode.Scalar) -> String {
        String(decoding: [UInt8](repeating: UInt8(ascii: letter), count: count), as: UTF8.self)
    }
}
