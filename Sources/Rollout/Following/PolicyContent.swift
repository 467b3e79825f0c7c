/// Bytes that hold a policy.
struct PolicyContent: Sendable {
    /// How many bytes a policy may have.
    static let limit = PolicyLimits.documentBytes

    /// What tells one content from another.
    enum Identity: Equatable, Sendable {
        /// One of all the contents that are too large. They are not told apart, so that nobody has to hash them.
        case tooLarge
        case digest(SHA256.Digest)

        init(_ bytes: [UInt8]) {
            self =
                bytes.count > PolicyContent.limit
                ? .tooLarge : .digest(unsafe bytes.withUnsafeBytes { bytes in unsafe SHA256.digest(bytes) })
        }
    }

    let policy: RolloutPolicy
    let bytes: [UInt8]
    let identity: Identity

    var revision: UInt32 { policy.revision }

    /// Reads the policy in bytes that have this identity. Errors name where they come from.
    init(_ bytes: [UInt8], _ identity: Identity, from name: String) throws(UpdateError) {
        if identity == .tooLarge {
            let message = "\(name): expected at most \(grouped(Self.limit)) bytes of text, found more"
            throw .invalid(PolicyError(PolicyProblem(.tooLarge, at: "", message)))
        }
        do throws(PolicyError) {
            policy = try RolloutPolicy(json: bytes)
        } catch {
            throw .invalid(error)
        }
        self.bytes = bytes
        self.identity = identity
    }

    /// Reads the policy in a file.
    init(contentsOf path: String) throws(UpdateError) {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileReader.bytes(at: path, atMost: Self.limit + 1)
        } catch {
            throw .unreadable(error)
        }
        try self.init(bytes, Identity(bytes), from: path)
    }
}
