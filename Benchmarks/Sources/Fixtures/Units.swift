/// The units that are measured, by the length of their UTF-8.
public enum Units {
    /// 6 bytes.
    public static let bytes6 = "user-1"
    /// 12 bytes.
    public static let bytes12 = "user-1234567"
    /// 15 bytes, the most that a string holds without memory of its own.
    public static let bytes15 = "user-1234567890"
    /// 16 bytes.
    public static let bytes16 = "user-12345678901"
    /// 36 bytes: a UUID.
    public static let bytes36 = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    /// 100 bytes.
    public static let bytes100 = String(repeating: "tenant/account/", count: 6) + "user-00042"
    /// 23 bytes, 12 characters: not ASCII, and not normalised.
    public static let nonASCII = "Zoe\u{308}-Müller-東京都"
    /// 6 digits.
    public static let integer6 = 123_456
    /// 19 digits.
    public static let integer19 = 9_007_199_254_740_993_123
}

/// Makes the compiler believe that the value is used, and moved where a caller would find it.
@inline(never) @_optimize(none)
public func consume<Value>(_ value: borrowing Value) {}
