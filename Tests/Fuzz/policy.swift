// A libFuzzer harness for policies: from any bytes to decisions. `Tests/Fuzz/run` builds and runs it.

/// Reads arbitrary bytes as a policy: that must not trap, an error must have a place and a sentence, and what is accepted
/// must survive being written and read, compile, and decide for everybody.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPolicy(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    do throws(PolicyError) {
        let policy = try RolloutPolicy(json: bytes)
        let again = try RolloutPolicy(json: policy.json)
        precondition(again == policy)
        decide(by: policy)
    } catch {
        precondition(!error.problems.isEmpty)
        precondition(error.problems.allSatisfy { ($0.line ?? 0) >= 1 && ($0.column ?? 0) >= 1 && !$0.message.isEmpty })
    }
    return 0
}

private func decide(by policy: RolloutPolicy) {
    let registry = VariantRegistry(capacity: 4_096)
    guard let compiled = CompiledPolicy(policy, after: Roster(), appliedAt: nil, registry: registry) else { return }
    for (id, definition) in policy.rollouts {
        guard let ordinal = compiled.roster[id] else { preconditionFailure("\(id) has no ordinal") }
        let record = RolloutRecord(compiled.image, ordinal: ordinal)
        let hosts = [nil, "example.org"] + definition.hosts.keys.prefix(4).map(\.text)
        for unit in [nil, "alice", "42"] + definition.forced.keys.prefix(4).map(\.text) {
            for host in hosts {
                let decision = RequestBytes.with(unit: unit, host: host) { record.decision(for: $0, holding: nil) }
                precondition(registry[decision.variant.number].rollout == id)
                precondition(decision.revision == policy.revision && decision.epoch == definition.epoch)
                precondition(decision.bucket.map { 0..<Share.bucketCount ~= $0 } ?? true)
            }
        }
    }
}
