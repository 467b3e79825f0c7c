extension PolicyFile {
    /// What a look at the file has found that the look before had not.
    public enum Event: Hashable, Sendable {
        /// The file holds a new policy, and it runs.
        case accepted(revision: UInt32)

        /// The file holds an older policy than the one that runs, which goes on.
        case ignored(revision: UInt32, running: UInt32)

        /// The file cannot be read, or the policy in it must not run. The last good one goes on.
        case refused(UpdateError)

        /// The file was refused, and now holds what runs.
        case recovered(revision: UInt32)

        /// The copy for a start without the file cannot be saved; that is tried again at every look.
        case unsaved(FileError)

        /// The copy could not be saved, and now it is.
        case saved(revision: UInt32)
    }
}

extension PolicyFile.Event: CustomStringConvertible {
    /// A sentence for a log.
    public var description: String {
        switch self {
        case .accepted(let revision): "revision \(revision) runs"
        case .ignored(let revision, let running): "revision \(revision) is ignored, revision \(running) runs"
        case .refused(let error): "refused, the last good policy runs on: \(error)"
        case .recovered(let revision): "good again: revision \(revision) runs"
        case .unsaved(let error): "the copy for a start without the file is not saved: \(error)"
        case .saved(let revision): "the copy of revision \(revision) is saved"
        }
    }
}
