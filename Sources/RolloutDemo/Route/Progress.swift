import Rollout

/// A line on the terminal that says how far the work is, and goes away by itself.
struct Progress {
    private let isWanted: Bool
    private let start = ContinuousClock.now
    private var lastShown: ContinuousClock.Instant?
    private var isVisible = false

    private static let interval = Duration.milliseconds(100)

    init(isWanted: Bool) { self.isWanted = isWanted }

    /// Shows the line, unless it was shown just now.
    mutating func show(_ requests: Int, on output: inout Output) throws(Stop) {
        guard isWanted else { return }
        let now = ContinuousClock.now
        if let lastShown, now - lastShown < Self.interval { return }
        lastShown = now
        isVisible = true
        let seconds = (now - start) / .seconds(1)
        let rate = seconds > 0 ? Int(Double(requests) / seconds) : 0
        output.append("\r\u{1B}[K\(counted(requests, "request")), \(grouped(rate)) a second")
        try output.flush()
    }

    /// Takes the line away, so that something else can be written in its place.
    mutating func hide(on output: inout Output) throws(Stop) {
        guard isVisible else { return }
        isVisible = false
        output.append("\r\u{1B}[K")
        try output.flush()
    }
}
