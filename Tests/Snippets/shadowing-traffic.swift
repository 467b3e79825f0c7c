import Rollout

// What a service has beside the library.

extension RolloutID {
    static let ranker: RolloutID = "ranker"
}

let (user, query) = ("alice", "red shoes")

@Sendable func rank(_ query: String, by variant: Decision.Variant) async throws -> [Int] { [3, 1, 2, 5] }

/// As in swift-service-lifecycle.
protocol Service: Sendable {
    func run() async throws
}

func cancelWhenGracefulShutdown(_ body: () async throws -> Void) async throws { try await body() }
