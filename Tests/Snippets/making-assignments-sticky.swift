import Rollout

// What a service has beside the library: a request, a response, and a router with a sticky rollout.

struct User: Sendable {
    let id: String
}

let user: User? = User(id: "alice")

struct Request {
    let host = "www.sms-app.local"
    let cookies = "theme=dark"
}

let request = Request()

struct Headers {
    private(set) var lines: [String] = []
    mutating func add(_ name: String, _ value: String) { lines.append("\(name): \(value)") }
    mutating func set(_ name: String, _ value: String) { add(name, value) }
}

nonisolated(unsafe) var response = (headers: Headers(), status: 200)

func serve(_ version: String?) {}

func log(_ line: String) {}

let secrets = (old: [UInt8](0..<32), new: [UInt8](1...32))

let sms: RolloutHandle = {
    do {
        let policy = try RolloutPolicy(
            json: """
                {"schema": 1, "revision": 7, "rollouts": {"sms": {
                    "strategy": {"type": "canary", "percent": 10, "stable": {"app": "v1"}, "canary": {"app": "v2"}},
                    "sticky": {"cookie": "sms-app-version", "maxAge": 3600}}}}
                """
        )
        guard let sms = try RolloutRouter(policy: policy).rollout("sms") else { fatalError("no rollout called sms") }
        return sms
    } catch {
        fatalError("\(error)")
    }
}()
