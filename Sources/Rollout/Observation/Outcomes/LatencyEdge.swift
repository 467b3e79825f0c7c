/// The latencies that progression tells apart: 2^(i/8) ms for i in 0 ..< 128, from 1 ms to a minute, each 9 % above the one
/// before.
public enum LatencyEdge {
    /// How many there are.
    public static let count = 128

    /// All edges, rising.
    public static let all: [Duration] = {
        let root = 2.0.squareRoot().squareRoot().squareRoot()
        var fractions = [1.0]
        for _ in 1..<8 { fractions.append(fractions[fractions.count - 1] * root) }
        return (0..<count).map { index in
            .nanoseconds(Int64((fractions[index % 8] * 1e6).rounded()) << (index / 8))
        }
    }()
}
