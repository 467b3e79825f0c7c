/// The last good content of a policy file, kept in a file of its own.
struct SavedCopy: Sendable {
    let path: String?
    /// What is to be saved.
    private var pending: [UInt8]?
    /// The revision that is saved, or is to be.
    private var revision: UInt32?
    /// Why the last attempt to save failed.
    private var problem: FileError?

    init(path: String?) { self.path = path }

    /// Asks for a policy that runs to be saved, unless it or a newer one is.
    mutating func keep(_ candidate: PolicyFile.Candidate) {
        guard path != nil, revision.map({ $0 < candidate.policy.revision }) ?? true else { return }
        pending = candidate.bytes
        revision = candidate.policy.revision
    }

    /// Saves what is to be saved; gives what is new about that.
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
