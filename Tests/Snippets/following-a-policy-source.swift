import Rollout

// What a service has beside the library.

extension RolloutID {
    static let sms: RolloutID = "sms"
}

func log(_ line: String) {}

/// As in swift-service-lifecycle.
protocol Service: Sendable {
    func run() async throws
}

func cancelWhenGracefulShutdown(_ body: () async throws -> Void) async throws { try await body() }

/// A client as somebody else ships it.
struct HTTPClient: Sendable {
    let address: String

    func get(_ path: String) async throws -> [UInt8] { [] }
}

let client = HTTPClient(address: "config.local")
