/// A policy file, as a source of policies.
///
///     let follower = PolicyFollower(of: PolicyFile("/etc/rollout/policy.json"), updating: updater)
///
/// The file is read whenever the follower asks, through all links that lead to it. Its content counts, not its time. See
/// <doc:following-a-policy-source>.
public struct PolicyFile: PolicySource {
    /// The file.
    public let path: String

    /// A file. Links are followed anew each time.
    public init(_ path: String) { self.path = path }

    /// `file` and the path.
    public var name: String { "file \(path)" }

    /// Reads the file, on a thread of the system's pool.
    ///
    /// - Returns: Its bytes; of a file that is too large for a policy, one byte more than a policy may have.
    /// - Throws: `FileError`.
    @concurrent
    public func next() async throws -> [UInt8]? { try FileReader.bytes(at: path, atMost: PolicyContent.limit + 1) }
}
