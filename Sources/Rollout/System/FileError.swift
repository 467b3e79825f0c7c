/// Why a file could not be read or written.
public struct FileError: Error, Hashable, Sendable {
    /// The file.
    public let path: String
    /// What failed, such as `open` or `read`.
    public let operation: String
    /// Why, in the system's words.
    public let reason: String

    /// Whether somebody may have moved the file, or something on the way to it, while the path was followed.
    let hasMoved: Bool

    init(_ path: String, _ operation: String, _ reason: String, hasMoved: Bool = false) {
        self.path = path
        self.operation = operation
        self.reason = reason
        self.hasMoved = hasMoved
    }
}

extension FileError: CustomStringConvertible {
    /// `/etc/rollout/policy.json: cannot open: No such file or directory`.
    public var description: String { "\(path): cannot \(operation): \(reason)" }
}

extension FileError: Encodable {
    private enum Key: String, CodingKey { case code, message, path, operation, reason }

    /// Encodes the error as an object of the `code` "file", the `message`, `path`, `operation` and `reason`.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode("file", forKey: .code)
        try values.encode(description, forKey: .message)
        try values.encode(path, forKey: .path)
        try values.encode(operation, forKey: .operation)
        try values.encode(reason, forKey: .reason)
    }
}
