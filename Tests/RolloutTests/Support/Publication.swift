@testable import Rollout

/// Something that publishes compiled policies to readers on other threads: the library's cell, or one with a fault.
protocol Publication: Sendable {
    func read<Result>(_ body: (PolicyImage) -> Result) -> Result
    func glance<Result>(_ body: (PolicyImage) -> Result?) -> Result?
    func publish(_ policy: [UInt64])
}

extension Publication {
    func glance<Result>(_ body: (PolicyImage) -> Result?) -> Result? { nil }
}

extension SnapshotCell: Publication {}

extension SnapshotCell {
    private static let all = Lock<[SnapshotCell]>([])

    /// A cell that lives as long as the process, as a router's does, and so that leak checkers can see it.
    static func kept(_ first: [UInt64]) -> SnapshotCell {
        let cell = SnapshotCell(first)
        all.withLock { $0.append(cell) }
        return cell
    }
}
