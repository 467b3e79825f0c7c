extension SHA256.State {
    /// Sixteen rounds, after which every word has its own name again.
    @inline(__always)
    mutating func rounds(
        _ w: SHA256.Schedule,
        _ k0: UInt32,
        _ k1: UInt32,
        _ k2: UInt32,
        _ k3: UInt32,
        _ k4: UInt32,
        _ k5: UInt32,
        _ k6: UInt32,
        _ k7: UInt32,
        _ k8: UInt32,
        _ k9: UInt32,
        _ k10: UInt32,
        _ k11: UInt32,
        _ k12: UInt32,
        _ k13: UInt32,
        _ k14: UInt32,
        _ k15: UInt32
    ) {
        Self.round(a, b, c, &d, e, f, g, &h, w.w0 &+ k0)
        Self.round(h, a, b, &c, d, e, f, &g, w.w1 &+ k1)
        Self.round(g, h, a, &b, c, d, e, &f, w.w2 &+ k2)
        Self.round(f, g, h, &a, b, c, d, &e, w.w3 &+ k3)
        Self.round(e, f, g, &h, a, b, c, &d, w.w4 &+ k4)
        Self.round(d, e, f, &g, h, a, b, &c, w.w5 &+ k5)
        Self.round(c, d, e, &f, g, h, a, &b, w.w6 &+ k6)
        Self.round(b, c, d, &e, f, g, h, &a, w.w7 &+ k7)
        Self.round(a, b, c, &d, e, f, g, &h, w.w8 &+ k8)
        Self.round(h, a, b, &c, d, e, f, &g, w.w9 &+ k9)
        Self.round(g, h, a, &b, c, d, e, &f, w.w10 &+ k10)
        Self.round(f, g, h, &a, b, c, d, &e, w.w11 &+ k11)
        Self.round(e, f, g, &h, a, b, c, &d, w.w12 &+ k12)
        Self.round(d, e, f, &g, h, a, b, &c, w.w13 &+ k13)
        Self.round(c, d, e, &f, g, h, a, &b, w.w14 &+ k14)
        Self.round(b, c, d, &e, f, g, h, &a, w.w15 &+ k15)
    }

    /// One round; `d` and `h` are the words it changes, the rest only changes its role.
    @inline(__always)
    private static func round(
        _ a: UInt32,
        _ b: UInt32,
        _ c: UInt32,
        _ d: inout UInt32,
        _ e: UInt32,
        _ f: UInt32,
        _ g: UInt32,
        _ h: inout UInt32,
        _ keyedWord: UInt32
    ) {
        // The standard's choice and majority, each with one operation less.
        let choice = g ^ (e & (f ^ g))
        let majority = (a & b) | (c & (a | b))
        let sum = h &+ keyedWord &+ choice &+ (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25))
        d &+= sum
        h = sum &+ majority &+ (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22))
    }

    /// `word` turned to the right.
    @inline(__always)
    static func rotated(_ word: UInt32, _ distance: UInt32) -> UInt32 {
        (word &>> distance) | (word &<< (32 &- distance))
    }
}
