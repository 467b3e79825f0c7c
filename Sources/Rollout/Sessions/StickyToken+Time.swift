/// Times are on the wall clock, absolute, and given by the caller: any `Int64` is a time.
extension StickyToken {
    /// How far ahead the clock that issued a token may be.
    static let clockSkew: Int64 = 120

    /// A time so that sums with what a token holds cannot overflow. Further out than any token's by far, so no comparison
    /// comes out another way.
    static func clamped(_ now: UnixTime) -> Int64 { min(max(now.seconds, -(1 << 40)), 1 << 40) }

    /// Why the token has lost by the clock, or nil.
    ///
    /// - Parameters:
    ///   - now: Unix seconds, ``clamped(_:)``.
    ///   - maxAge: The life of an assignment as configured now.
    /// - Returns: The first cause in the order of `TokenLoss`.
    @inline(__always)
    func loss(at now: Int64, maxAge: Int) -> TokenLoss? {
        if now >= Int64(expires) { return .expired }
        if now - Int64(issued) > Int64(maxAge) { return .outlived }
        if Int64(issued) > now + Self.clockSkew { return .issuedInFuture }
        return nil
    }

    /// When a token made now is issued and expires, or nil where 32 bits do not hold it: before 1970, after 2106.
    static func times(at now: Int64, maxAge: Int) -> (issued: UInt32, expires: UInt32)? {
        guard now >= 0, let issued = UInt32(exactly: now - now % 60),
            let expires = UInt32(exactly: Int64(issued) + Int64(maxAge))
        else { return nil }
        return (issued, expires)
    }
}
