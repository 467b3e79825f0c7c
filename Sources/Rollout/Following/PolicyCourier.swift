/// Carries policies from a source to an updater, and to the saved copy. It remembers nothing.
struct PolicyCourier: Sendable {
    let source: any PolicySource
    let savedCopy: String?
    let updater: RolloutUpdater
    /// The time that an update may take.
    let limit: Duration?
    let now: @Sendable () -> UnixTime

    var running: UInt32 { updater.router.snapshot().revision }

    /// Asks the source, and reads what it answers.
    ///
    /// What is no policy is entered in the history here, and so before anything that the source answers later.
    func ask(unlike seen: PolicyContent.Identity?, entersFailure: Bool) async -> FollowerState.Answer {
        let bytes: [UInt8]
        do {
            // Many sequences end when their task is cancelled. That is no end of the source.
            guard let next = try await source.next() else { return Task.isCancelled ? .cancelled : .ended }
            bytes = next
        } catch {
            if Task.isCancelled { return .cancelled }
            let error = (error as? UpdateError) ?? .unreadable(error)
            if entersFailure { await updater.refuse(error, from: origin(source.name)) }
            return .failed(error)
        }
        let identity = PolicyContent.Identity(bytes)
        if identity == seen { return .sameAsBefore }
        do throws(UpdateError) {
            let content = try PolicyContent(bytes, identity, from: source.name)
            let running = updater.router.snapshot().policy
            return .policy(content, onlyTakesAway: content.policy.onlyTakesAway(from: running))
        } catch {
            await updater.refuse(error, from: origin(source.name))
            return .noPolicy(identity, error)
        }
    }

    /// Offers a policy of the source to the updater, and returns the revision that runs then.
    func offer(_ content: PolicyContent, _ known: KnownRefusals) async throws(UpdateError) -> UInt32 {
        let origin = origin(source.name)
        return try await updater.offer(content.policy, from: origin, within: limit, isKnown: known.contains)
    }

    /// Saves a policy that came from the source.
    func save(_ content: PolicyContent) throws(FileError) {
        if let savedCopy { try DurableFile.replace(savedCopy, with: content.bytes) }
    }

    /// The policy of the saved copy, or nil if there is to be none.
    func saved() throws(UpdateError) -> PolicyContent? {
        guard let savedCopy else { return nil }
        return try PolicyContent(contentsOf: savedCopy)
    }

    /// Offers the policy of the saved copy to the updater, and returns the revision that runs then.
    func restore(_ content: PolicyContent) async throws(UpdateError) -> UInt32 {
        // Not to the store: the copy is for a start without it, and is this process's alone.
        let origin = origin("saved copy \(savedCopy ?? "")")
        return try await updater.offer(content.policy, from: origin, within: limit, stayingHere: true)
    }

    private func origin(_ author: String) -> UpdateOrigin { UpdateOrigin(author: author, reason: nil, time: now()) }
}
