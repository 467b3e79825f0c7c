/// Which of a counter's copies a thread uses, so that threads seldom write to one cache line.
enum Stripe {
    /// How many copies there are: so many that two threads seldom share one.
    static let count = 64
    /// Bytes from one copy to the next: a cache line, and the adjacent one that prefetchers fetch with it.
    static let stride = 128

    /// The stripe of this thread, 0 ..< 64, chosen by where its stack lies: the stacks of threads are far apart.
    ///
    /// Which stripe it is matters for speed alone. So a thread may get another one at another depth of its stack.
    @inline(__always)
    static var current: Int {
        var here: UInt8 = 0
        let address = unsafe withUnsafeMutablePointer(to: &here) { UInt64(UInt(bitPattern: $0)) }
        let mixed = (address >> 16) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: mixed >> 58)
    }
}
