import Rollout

// What a service has beside the library.

func log(_ line: String) {}

/// As in swift-service-lifecycle.
protocol Service: Sendable {
    func run() async throws
}

func cancelWhenGracefulShutdown(_ body: () async throws -> Void) async throws { try await body() }
