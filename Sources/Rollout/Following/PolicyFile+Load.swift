extension PolicyFile {
    /// What a service starts with.
    public struct Start: Hashable, Sendable {
        /// The policy to make a router of.
        public let policy: RolloutPolicy
        /// Why the saved copy was used instead, or nil if the policy is the file's.
        public let problem: UpdateError?
    }

    /// Neither the file nor the saved copy holds a policy.
    public struct LoadError: Error, Hashable, Sendable {
        /// What is wrong with the file.
        public let file: UpdateError
        /// What is wrong with the saved copy, or nil if there was to be none.
        public let savedCopy: UpdateError?
    }

    /// Reads a policy to start with: the file's, or the saved copy's if the file holds none.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - savedCopy: The file in which an earlier process kept the last good content, or nil for none.
    /// - Returns: The policy. If it is the saved copy's, also what is wrong with the file.
    /// - Throws: `LoadError` with what is wrong with both.
    @concurrent
    public static func load(_ path: String, savedCopy: String? = nil) async throws(LoadError) -> Start {
        let problem: UpdateError
        switch policy(at: path) {
        case .success(let policy): return Start(policy: policy, problem: nil)
        case .failure(let error): problem = error
        }
        switch savedCopy.map({ policy(at: $0) }) {
        case .success(let policy): return Start(policy: policy, problem: problem)
        case .failure(let error): throw LoadError(file: problem, savedCopy: error)
        case nil: throw LoadError(file: problem, savedCopy: nil)
        }
    }

    static func bytes(at path: String) throws(UpdateError) -> [UInt8] {
        let limit = PolicyLimits.documentBytes
        let bytes: [UInt8]
        do throws(FileError) {
            // One byte more than a policy may have, to notice a file that is too large.
            bytes = try FileReader.bytes(at: path, atMost: limit + 1)
        } catch {
            throw .unreadable(error)
        }
        guard bytes.count <= limit else {
            let message = "\(path): expected at most \(grouped(limit)) bytes of text, found more"
            throw .invalid(PolicyError(PolicyProblem(.tooLarge, at: "", message)))
        }
        return bytes
    }

    static func policy(in bytes: [UInt8]) throws(UpdateError) -> RolloutPolicy {
        do throws(PolicyError) {
            return try RolloutPolicy(json: bytes)
        } catch {
            throw .invalid(error)
        }
    }

    private static func policy(at path: String) -> Result<RolloutPolicy, UpdateError> {
        Result { () throws(UpdateError) in try policy(in: bytes(at: path)) }
    }
}

extension PolicyFile.LoadError: CustomStringConvertible {
    /// Both problems in full sentences.
    public var description: String {
        "There is no policy to start with. \(file)" + (savedCopy.map { "\nNor in the saved copy. \($0)" } ?? "")
    }
}
