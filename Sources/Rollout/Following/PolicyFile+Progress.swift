extension PolicyFile {
    /// A policy that the router has yet to judge.
    struct Candidate: Sendable {
        let policy: RolloutPolicy
        let bytes: [UInt8]
        fileprivate let digest: SHA256.Digest
        /// The revision that ran when it was read.
        fileprivate let running: UInt32
        /// Whether the router has refused it before, under another revision.
        fileprivate let isJudgedAgain: Bool
    }

    enum Look: Sendable {
        case nothingNew
        case candidate(Candidate)
        case refused(UpdateError)
    }

    /// What is known of the file from one look to the next.
    struct Progress: Sendable {
        private enum Content: Equatable, Sendable {
            case unusable(UpdateError)
            case readable(SHA256.Digest)
        }

        /// What the last look found; nothing is judged twice that only stayed.
        private var content: Content?
        /// Why the file is refused, where it is.
        private var refusal: UpdateError?
        /// The revision under which the router refused the content: under another it may be right.
        private var refusedUnder: UInt32?
        private var copy: SavedCopy
        private var events: [Event] = []

        init(savedCopy: String?) { copy = SavedCopy(path: savedCopy) }

        mutating func look(at path: String, running: UInt32) -> Look {
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

        private mutating func refuse(_ error: UpdateError) -> Look {
            refusedUnder = nil
            refusal = error
            events.append(.refused(error))
            return .refused(error)
        }

        /// Notes the router's verdict: the revision that runs after it, or why the candidate must not.
        mutating func settle(_ candidate: Candidate, _ verdict: Result<UInt32, UpdateError>) {
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
        }

        private mutating func settle(_ candidate: Candidate, _ error: UpdateError) {
            let isStillThere = content == .readable(candidate.digest)
            if case .refused(let refusal) = error, refusal.cause == .cancelled {
                // No verdict on the policy: whoever looks next shall ask for one.
                if isStillThere { content = nil }
                return
            }
            if isStillThere { refusedUnder = candidate.running }
            if candidate.isJudgedAgain, refusal == error { return }
            refusal = error
            events.append(.refused(error))
        }

        /// Saves what is to be saved, and gives all that is to be reported.
        mutating func finishLook() -> [Event] {
            if let event = copy.save() { events.append(event) }
            return exchange(&events, with: [])
        }
    }
}
