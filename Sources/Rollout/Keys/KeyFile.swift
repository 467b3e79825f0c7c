extension SigningKeys {
    /// The keys in a file that only its owner can use; see ``init(text:)`` for what is in it.
    ///
    /// The permissions are those of the open file, so nothing can come between looking and reading.
    ///
    /// - Parameter path: The file. A link is followed.
    /// - Throws: `SigningKeyError` where the file cannot be read, or others than its owner may use it, or its text is wrong.
    public init(contentsOf path: String) throws(SigningKeyError) {
        try self.init(bytes: try KeyFile.bytes(at: path))
    }
}

/// Reads a file whose secrecy matters.
private enum KeyFile {
    /// A line has 48 characters and there are at most 256 keys: room for comments, and an end.
    static let limit = 64 << 10

    static func bytes(at path: String) throws(SigningKeyError) -> [UInt8] {
        let permissions: UInt32
        let bytes: [UInt8]
        do throws(FileError) {
            let file = try OpenFile.file(path)
            permissions = try file.permissionsOfRegularFile()
            bytes = try file.bytes(atMost: limit + 1)
        } catch {
            throw SigningKeyError(.unreadable, error.description)
        }
        guard permissions & 0o077 == 0 else {
            let octal = String(permissions, radix: 8)
            throw SigningKeyError(
                .exposed,
                "\(path) has the permissions 0\(octal); only its owner may read a key file (chmod 600 \(path))"
            )
        }
        guard bytes.count <= limit else {
            throw SigningKeyError(.tooLarge, "\(path) has more than \(limit) bytes, which no key file needs")
        }
        return bytes
    }
}
