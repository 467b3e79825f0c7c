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

/// A store's client, as somebody else ships it.
struct StoreClient: Sendable {
    let address: String

    func value(of key: String) async throws -> [UInt8] { [] }
}

let store = StoreClient(address: "store.local:2379")
