#if canImport(Glibc)
    private import Glibc
#elseif canImport(Musl)
    private import Musl
#elseif canImport(Darwin)
    private import Darwin
#endif

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
        let file = unsafe path.withCString { path in unsafe open(path, O_RDONLY | O_CLOEXEC) }
        guard file >= 0 else { throw unreadable(path) }
        defer { _ = close(file) }
        try checkPermissions(of: file, path)
        return try read(file, path)
    }

    private static func checkPermissions(of file: CInt, _ path: String) throws(SigningKeyError) {
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw unreadable(path) }
        let mode = UInt32(status.st_mode) & 0o777
        guard mode & 0o077 == 0 else {
            let octal = String(mode, radix: 8)
            throw SigningKeyError(
                .exposed,
                "\(path) has the permissions 0\(octal); only its owner may read a key file (chmod 600 \(path))"
            )
        }
    }

    private static func read(_ file: CInt, _ path: String) throws(SigningKeyError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var count = 0
        while count < bytes.count {
            let part = unsafe bytes.withUnsafeMutableBytes { bytes in
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[count...])
                return unsafe readOnce(file, rest)
            }
            if part < 0, errno == EINTR { continue }
            guard part >= 0 else { throw unreadable(path) }
            if part == 0 { return Array(bytes[..<count]) }
            count += part
        }
        throw SigningKeyError(.tooLarge, "\(path) has more than \(limit) bytes, which no key file needs")
    }

    private static func readOnce(_ file: CInt, _ bytes: UnsafeMutableRawBufferPointer) -> Int {
        #if canImport(Glibc)
            unsafe Glibc.read(file, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
            unsafe Musl.read(file, bytes.baseAddress, bytes.count)
        #elseif canImport(Darwin)
            unsafe Darwin.read(file, bytes.baseAddress, bytes.count)
        #endif
    }

    private static func unreadable(_ path: String) -> SigningKeyError {
        let reason = unsafe strerror(errno).map { text in unsafe String(cString: text) } ?? "error \(errno)"
        return SigningKeyError(.unreadable, "\(path) cannot be read: \(reason)")
    }
}
