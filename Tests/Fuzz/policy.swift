// A libFuzzer harness for policies: from any bytes to decisions. `Tests/Fuzz/run` builds and runs it.

/// Reads arbitrary bytes as a policy: that must not trap, an error must have a place and a sentence, and what is accepted
/// must survive being written and read, compile, and decide for everybody.
func fuzzPolicy(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let policy: RolloutPolicy
    do throws(PolicyError) {
        policy = try RolloutPolicy(json: bytes)
    } catch {
        precondition(!error.problems.isEmpty)
        precondition(error.problems.allSatisfy { ($0.line ?? 0) >= 1 && ($0.column ?? 0) >= 1 && !$0.message.isEmpty })
        return 0
    }
    precondition((try? RolloutPolicy(json: policy.json)) == policy)
    // Registries of its own, so that a run of hours does not fill the process's.
    let (registry, cookies) = (VariantRegistry(capacity: 4_096), CookieRegistry(capacity: 64))
    let compiled = try? CompiledPolicy(policy, after: Roster(), appliedAt: 0, registry: registry, cookies: cookies)
    if let compiled { decide(by: policy, compiled, registry) }
    return 0
}

private func decide(by policy: RolloutPolicy, _ compiled: CompiledPolicy, _ registry: VariantRegistry) {
    for (id, definition) in policy.rollouts {
        guard let ordinal = compiled.roster[id] else { preconditionFailure("\(id) has no ordinal") }
        let record = RolloutRecord(compiled.image, ordinal: ordinal)
        let hosts = [nil, "example.org"] + definition.hosts.keys.prefix(4).map(\.text)
        let assignments = [nil] + assignments(of: id, definition)
        func check(_ decision: Decision) {
            precondition(registry[decision.variant.number].rollout == id)
            precondition(decision.revision == policy.revision && decision.epoch == definition.epoch)
            precondition(decision.bucket.map { 0..<Share.bucketCount ~= $0 } ?? true)
        }
        for unit in [nil, "alice", "42"] + definition.forced.keys.prefix(4).map(\.text) {
            for host in hosts {
                for assignment in assignments {
                    check(RequestBytes.with(unit: unit, host: host) { record.decision(for: $0, holding: assignment) })
                }
            }
            // The short way must come to what the long one does, or leave it to that.
            guard let unit, let short = record.decision(forKey: XXH3.hash(unit)) else { continue }
            precondition(short == RequestBytes.with(unit: unit, host: nil) { record.decision(for: $0, holding: nil) })
        }
    }
}

/// Assignments of this epoch and of its neighbours, with every variant, with none, and with a bucket beyond the last.
private func assignments(of id: RolloutID, _ definition: RolloutDefinition) -> [Assignment?] {
    let epochs = [definition.epoch, definition.epoch &+ 1, definition.epoch &- 1]
    let tags = definition.strategy.variants.prefix(4).map { VariantTag($0.name, in: id) } + [.notEnrolled]
    return epochs.flatMap { epoch in
        tags.map { Assignment(tag: $0, bucketField: 7, epoch: epoch, revision: 1) }
    } + [Assignment(tag: .notEnrolled, bucketField: .max, epoch: definition.epoch, revision: 1)]
}
