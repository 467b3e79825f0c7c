// A libFuzzer harness for decision headers. `Tests/Fuzz/run` builds and runs it.

/// Reads arbitrary bytes as a header, and as what stands before and after a genuine one: nothing that is not genuine may be
/// adopted, and a genuine one only if it is alone.
func fuzzDecisionHeader(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let text = String(decoding: bytes, as: UTF8.self)
    let fresh = service.handle.decision(for: "alice")
    for header in [text, "\(text), \(service.genuine)", "\(service.genuine), \(text)", "\(service.genuine);\(text)"] {
        let adopted = service.sessions.adopt(header, for: "alice", through: service.handle, now: now)
        // The seeds are genuine: their bytes may come back, and nothing else may hold a canary.
        precondition(adopted.isTainted || header.contains(service.tag))
        precondition(adopted.isTainted ? adopted.decision == fresh : adopted.decision.variant.name == "canary")
    }
    return 0
}

private let now: UnixTime = 1_800_000_000

/// A canary that nobody is drawn into, and another service's decision for it.
private let service: (handle: RolloutHandle, sessions: SessionRouter, genuine: String, tag: String) = {
    func handle(_ share: Share) throws -> RolloutHandle {
        let definition = RolloutDefinition(.canary(share, stable: ["app": "v1"], canary: ["app": "v2"]), epoch: 3)
        let router = try RolloutRouter(policy: RolloutPolicy(revision: 7, rollouts: ["sms": definition]))
        guard let handle = router.rollout("sms") else { preconditionFailure("the policy has sms") }
        return handle
    }
    do {
        let keys = try SigningKeys([SigningKey(id: 7, secret: [UInt8](repeating: 7, count: 32))])
        let sessions = SessionRouter(keys: keys)
        let decision = try handle(.all).decision(for: "alice")
        guard let header = sessions.header(for: decision, unit: "alice", now: now) else {
            preconditionFailure("a decision travels")
        }
        return (try handle(.zero), sessions, header, String(header.suffix(25)))
    } catch {
        preconditionFailure("\(error)")
    }
}()
