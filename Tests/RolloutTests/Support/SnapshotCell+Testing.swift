@testable import Rollout

extension SnapshotCell {
    private static let all = Lock<[SnapshotCell]>([])

    /// A cell that lives as long as the process, as a router's does, and so that leak checkers can see it.
    static func kept(_ first: [UInt64]) -> SnapshotCell {
        let cell = SnapshotCell(first)
        all.withLock { $0.append(cell) }
        return cell
    }
}
