/// Something to be counted: a closure that does it so many times.
struct Probe: Sendable {
    let name: String
    let run: @Sendable (Int) -> Void

    /// A probe by the name of what it calls.
    init(_ name: String, run: @escaping @Sendable (Int) -> Void) {
        self.name = name
        self.run = run
    }
}

/// The probe whose turn it is.
nonisolated(unsafe) private var current = Probe("none") { _ in }

/// What callgrind counts: it is told to collect inside this symbol, and to write a profile when it returns.
///
/// Exactly one level deep and never inlined, so that entering it switches collection on and leaving it off.
@c(gate_region) @inline(never) func region(_ count: Int) -> Int {
    unsafe current.run(count)
    return count
}

extension Probe {
    /// Runs the region three times: once to warm up what is done at first use, then for two counts.
    ///
    /// What both have in common (the call, loading what the closure holds) vanishes in their difference, which is exactly
    /// ``Probe/difference`` operations.
    func measure() {
        unsafe current = self
        for count in [1, Probe.fewer, Probe.fewer + Probe.difference] { _ = region(count) }
    }

    static let fewer = 100
    static let difference = 1000
    /// How often a probe does what it does, in all its runs.
    static let total = 1 + fewer + fewer + difference
}
