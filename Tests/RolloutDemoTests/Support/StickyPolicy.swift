/// A policy with a cookie, a key file, and a Cookie header of a visitor in the canary.
struct StickyPolicy {
    /// The time in the tests, in the middle of a minute.
    static let now = 1_800_000_030
    /// The key of all tests: the bytes 0 ... 31.
    static let key = "7 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    let folder: TemporaryFolder
    let policy: String
    let keys: String

    init(percent: Int = 10, domain: String? = nil, _ rules: String = #""missingUnit": "assign""#) throws {
        let domain = domain.map { #", "domain": "\#($0)""# } ?? ""
        folder = try TemporaryFolder()
        policy = try folder.path(
            "policy.json",
            """
            {"schema": 1, "revision": 7, "rollouts": {"sms": {
                "strategy": {"type": "canary", "percent": \(percent), "stable": {"app": "v1"}, "canary": {"app": "v2"}},
                "salt": "sms-2026-11", "epoch": 3, "sticky": {"cookie": "sms-app-version", "maxAge": 3600\(domain)},
                \(rules)}}}
            """
        )
        keys = try folder.path("keys", Self.key + "\n", permissions: 0o600)
    }

    func route(_ requests: String, _ options: String..., now: Int = now) throws -> Demo.Result {
        try Demo.run(["route", "--policy", policy, "--now", "\(now)"] + options, input: requests.utf8)
    }

    func explain(_ options: String..., now: Int = now) throws -> Demo.Result {
        try Demo.run(["explain", "--policy", policy, "--rollout", "sms", "--now", "\(now)"] + options, input: [])
    }
}
