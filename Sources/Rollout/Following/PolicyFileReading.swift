/// Reads a policy file from one look to the next, and keeps the copy of its last good content.
///
/// This is an actor, because reading, parsing and saving take long and must not run on a caller's actor.
actor PolicyFileReading {
    /// A policy that the updater has not judged yet.
    struct Candidate: Sendable {
        let policy: RolloutPolicy
        fileprivate let bytes: [UInt8]
        fileprivate let digest: SHA256.Digest
        /// The revision that ran when it was read.
        fileprivate let running: UInt32
        /// Whether the updater has refused it before, under another revision.
        fileprivate let isJudgedAgain: Bool
    }

    enum Look: Sendable {
        case nothingNew
        case candidate(Candidate)
        case unusable(UpdateError)
    }

    private enum Content: Equatable {
        case unusable(UpdateError)
        case readable(SHA256.Digest)
    }

    private let path: String
    /// What the last look found. Content that stays is not judged twice.
    private var content: Content?
    /// Why the file is refused, if it is.
    private var refusal: UpdateError?
    /// The revision that ran when the updater refused the content. Under another revision the content may be right.
    private var refusedUnder: UInt32?
    private var copy: SavedCopy
    private var events: [PolicyFile.Event] = []

    init(_ path: String, savedCopy: String?) {
        self.path = path
        copy = SavedCopy(path: savedCopy)
    }

    /// Reads the file.
    ///
    /// - Parameter running: The revision that runs.
    /// - Returns: What is new about it.
    func look(running: UInt32) -> Look {
        let bytes: [UInt8]
        do throws(UpdateError) {
            bytes = try PolicyFile.bytes(at: path)
        } catch {
            if content == .unusable(error) { return .nothingNew }
            content = .unusable(error)
            return refuse(error)
        }
        let digest = unsafe bytes.withUnsafeBytes { bytes in unsafe SHA256.digest(bytes) }
        let isSame = content == .readable(digest)
        if isSame, refusedUnder == nil || refusedUnder == running { return .nothingNew }
        content = .readable(digest)
        refusedUnder = nil
        do throws(UpdateError) {
            let policy = try PolicyFile.policy(in: bytes)
            return .candidate(
                Candidate(policy: policy, bytes: bytes, digest: digest, running: running, isJudgedAgain: isSame)
            )
        } catch {
            return refuse(error)
        }
    }

    /// Notes the updater's verdict on a candidate: the revision that runs now, or why the candidate must not run.
    ///
    /// - Returns: All events to report.
    func settle(_ candidate: Candidate, _ verdict: Result<UInt32, UpdateError>) -> [PolicyFile.Event] {
        let revision = candidate.policy.revision
        switch verdict {
        case .success(revision):
            if candidate.running != revision {
                events.append(.accepted(revision: revision))
            } else if refusal != nil {
                events.append(.recovered(revision: revision))
            }
            refusal = nil
            copy.keep(candidate)
        case .success(let running):
            events.append(.ignored(revision: revision, running: running))
            refusal = nil
        case .failure(let error):
            settle(candidate, error)
        }
        return takeEvents()
    }

    /// Saves the copy if there is one to save, and returns all events to report.
    func takeEvents() -> [PolicyFile.Event] {
        if let event = copy.save() { events.append(event) }
        return exchange(&events, with: [])
    }

    private func settle(_ candidate: Candidate, _ error: UpdateError) {
        let isStillThere = content == .readable(candidate.digest)
        if error.code == .cancelled {
            // A cancelled change says nothing about the policy, so the next look asks again.
            if isStillThere { content = nil }
            return
        }
        if isStillThere { refusedUnder = candidate.running }
        if candidate.isJudgedAgain, refusal == error { return }
        refusal = error
        events.append(.refused(error, revision: candidate.policy.revision))
    }

    private func refuse(_ error: UpdateError) -> Look {
        refusedUnder = nil
        refusal = error
        events.append(.refused(error))
        return .unusable(error)
    }
}

/// The last good content of a policy file, kept in a file of its own.
struct SavedCopy: Sendable {
    let path: String?
    /// The bytes to save, or nil if they are saved.
    private var pending: [UInt8]?
    /// The revision that is saved or waits to be saved.
    private var revision: UInt32?
    /// Why the last attempt to save failed.
    private var problem: FileError?

    init(path: String?) { self.path = path }

    /// Asks to save a policy that runs, unless it or a newer one is saved already.
    mutating func keep(_ candidate: PolicyFileReading.Candidate) {
        guard path != nil, revision.map({ $0 < candidate.policy.revision }) ?? true else { return }
        pending = candidate.bytes
        revision = candidate.policy.revision
    }

    /// Saves the bytes that wait, and returns an event if saving starts to fail or works again.
    mutating func save() -> PolicyFile.Event? {
        guard let path, let bytes = pending, let revision else { return nil }
        do throws(FileError) {
            try DurableFile.replace(path, with: bytes)
        } catch {
            return exchange(&problem, with: error) == error ? nil : .unsaved(error)
        }
        pending = nil
        return exchange(&problem, with: nil) == nil ? nil : .saved(revision: revision)
    }
}
