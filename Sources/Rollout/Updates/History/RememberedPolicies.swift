/// What a rollback restores: one rollout or all of them, as of a revision.
struct Restoration: Hashable, Sendable, CustomStringConvertible {
    /// The rollout, or nil for all of them.
    let id: RolloutID?
    /// The revision, or nil for the rollout's content before its last change.
    var revision: UInt32?

    var description: String {
        "rollback" + (id.map { " of \($0)" } ?? "") + (revision.map { " to revision \($0)" } ?? "")
    }
}

/// The policies that can be restored, oldest first; the last one runs.
struct RememberedPolicies: Sendable {
    private struct Element {
        let policy: RolloutPolicy
        let digest: PolicyDigest
        let size: Int
        /// What the policy restored, with the revision it came from, or nil if it is no rollback.
        let restored: Restoration?
    }

    /// The largest policy, in bytes, that a digest may keep alive until somebody reads it.
    static let largestUnread = 64 << 10

    private let byteLimit: Int
    private var elements: [Element] = []
    private var size = 0

    private var revisions: [UInt32] { elements.dropLast().map(\.policy.revision) }

    init(byteLimit: Int = UpdateHistory.byteLimit) { self.byteLimit = byteLimit }

    /// The policy of a revision, or nil if it is not remembered.
    subscript(revision: UInt32) -> RolloutPolicy? { elements.last { $0.policy.revision == revision }?.policy }

    /// The policy that a record is about, or nil if it is not remembered. The first time for a policy O(its JSON).
    func policy(of record: UpdateRecord) -> RolloutPolicy? {
        guard record.outcome == .accepted, let element = elements.last(where: { $0.policy.revision == record.revision })
        else { return nil }
        return element.digest === record.new || element.digest.text == record.newDigest ? element.policy : nil
    }

    /// Remembers a policy that was published, and forgets the oldest ones beyond the limits.
    mutating func remember(_ policy: RolloutPolicy, _ digest: PolicyDigest, restored: Restoration?) {
        // The first policy that runs may be older than what others recorded.
        while let last = elements.last, last.policy.revision >= policy.revision { size -= elements.removeLast().size }
        let policySize = policy.memorySize
        elements.append(Element(policy: policy, digest: digest, size: policySize, restored: restored))
        size += policySize
        while elements.count > UpdateHistory.limit || (elements.count > 2 && size > byteLimit) {
            let oldest = elements.removeFirst()
            size -= oldest.size
            // Records may still refer to the digest, and it keeps the policy alive until its text is made.
            if oldest.size > Self.largestUnread { _ = oldest.digest.text }
        }
    }

    /// What a rollback restores, with the revision that it takes the content from.
    func resolved(_ restoration: Restoration?) -> Restoration? {
        guard let restoration, restoration.revision == nil else { return restoration }
        return Restoration(id: restoration.id, revision: try? source(of: restoration).revision)
    }

    /// The policy that a rollback takes its content from: one that is remembered, unless the caller has kept it.
    func source(of restoration: Restoration, kept: RolloutPolicy? = nil) throws(UpdateError) -> RolloutPolicy {
        if let id = restoration.id, restoration.revision == nil {
            guard let earlier = predecessor(of: id) else { throw .nothingEarlier(of: id, remembered: revisions) }
            return earlier
        }
        let revision = restoration.revision ?? 0
        guard let earlier = kept ?? self[revision] else { throw .unknownRevision(revision, remembered: revisions) }
        if let id = restoration.id, earlier.rollouts[id] == nil {
            throw .nothingEarlier(of: id, at: revision, remembered: revisions.filter { self[$0]?.rollouts[id] != nil })
        }
        return earlier
    }

    /// The policy before the last change of a rollout.
    ///
    /// Skips revisions in which the rollout stayed the same, and goes from a rollback to the revision that it restored.
    /// So a second rollback goes back further, and never restores what the first one took back.
    private func predecessor(of id: RolloutID) -> RolloutPolicy? {
        var index = elements.count - 1
        while index > 0 {
            if let restored = elements[index].restored, restored.id ?? id == id {
                // Only further back, whatever records say: so this ends.
                guard let source = elements[..<index].firstIndex(where: { $0.policy.revision == restored.revision })
                else {
                    return nil
                }
                index = source
                continue
            }
            let (earlier, later) = (elements[index - 1].policy, elements[index].policy)
            if let content = earlier.rollouts[id], !content.isSame(as: later.rollouts[id]) { return earlier }
            if earlier.rollouts[id] == nil, later.rollouts[id] != nil { return nil }
            index -= 1
        }
        return nil
    }
}

extension RolloutPolicy {
    /// How many bytes the policy takes in memory, roughly: its texts, and 100 bytes for each entry.
    fileprivate var memorySize: Int {
        rollouts.values.reduce(200) { size, rollout in
            var size = size + 800
            for host in rollout.hosts.keys { size += 100 + host.text.utf8.count }
            for unit in rollout.forced.keys { size += 100 + unit.text.utf8.count }
            for release in rollout.compatible ?? [] { size += 100 * (1 + release.versions.count) }
            guard case .abTest(let test) = rollout.strategy else { return size + 1_000 }
            for variant in test.variants { size += 100 * (1 + variant.release.versions.count) }
            return size + 32 * (test.allocation?.count ?? 0)
        }
    }
}

extension PolicyDigest {
    /// A digest of a policy that does not run. It does not keep a large one alive.
    convenience init(apartFrom policy: RolloutPolicy) {
        if policy.memorySize > RememberedPolicies.largestUnread {
            self.init(text: policy.digest)
        } else {
            self.init(of: policy)
        }
    }
}

extension RolloutDefinition {
    /// Whether both are the same apart from their epochs.
    fileprivate func isSame(as other: RolloutDefinition?) -> Bool {
        var same = self
        same.epoch = other?.epoch ?? epoch
        return same == other
    }
}
