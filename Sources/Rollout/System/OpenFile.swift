#if canImport(Glibc)
    private import Glibc
#elseif canImport(Musl)
    private import Musl
#elseif canImport(Darwin)
    private import Darwin
#endif

/// Who may do what with a file.
struct FileAccess: Sendable {
    let owner: UInt32
    let group: UInt32
    let mode: UInt32
}

/// An open file or directory. Together with `UnixTime`, this is all of the library that uses the platform's C library.
struct OpenFile: ~Copyable {
    /// The path that errors name.
    let path: String
    private let descriptor: CInt

    private init(_ path: String, _ descriptor: CInt) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { _ = close(descriptor) }

    // MARK: Opening

    /// Opens a file for reading, and follows links. Does not wait for a writer if the file is a pipe.
    static func file(_ path: String) throws(FileError) -> OpenFile {
        try opened(path, path, "open") { unsafe openat(AT_FDCWD, path, readingFlags) }
    }

    /// Opens a directory to find entries in it.
    static func directory(_ path: String) throws(FileError) -> OpenFile {
        try opened(path, path, "open the directory") { unsafe openat(AT_FDCWD, path, searchFlags) }
    }

    /// Opens a directory to change entries in it, and to make the change durable.
    static func directoryForChanges(_ path: String) throws(FileError) -> OpenFile {
        try opened(path, path, "open the directory") { unsafe openat(AT_FDCWD, path, changeFlags) }
    }

    /// Opens the directory at a path below this one. Errors name the path `whole`.
    borrowing func directory(_ path: String, as whole: String) throws(FileError) -> OpenFile {
        let here = descriptor
        return try Self.opened(path, whole, "open the directory") { unsafe openat(here, path, Self.searchFlags) }
    }

    /// The path of a file that exists, without links.
    static func withoutLinks(_ path: String) throws(FileError) -> String {
        if path.utf8.contains(0) { throw FileError(path, "open", "the path contains U+0000") }
        guard let real = unsafe realpath(path, nil) else { throw failure("open", path, errno) }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    /// Opens an entry of this directory for reading, unless it is a link.
    borrowing func entry(_ name: String, as whole: String) throws(FileError) -> OpenFile {
        let here = descriptor
        return try Self.opened(name, whole, "open") { unsafe openat(here, name, Self.readingFlags | O_NOFOLLOW) }
    }

    /// Makes a new entry of this directory for writing. Only its owner may use it.
    borrowing func newEntry(_ name: String, as whole: String) throws(FileError) -> OpenFile {
        let here = descriptor
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        return try Self.opened(name, whole, "create") { unsafe openat(here, name, flags, 0o600) }
    }

    /// Takes the lock of the open file or directory, unless another process has it. The lock goes when this is closed, and
    /// with the process.
    borrowing func tryLock() throws(FileError) -> Bool {
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK { return false }
            if errno != EINTR { throw Self.failure("lock", path, errno) }
        }
        return true
    }

    /// Takes the lock of the open file or directory, and waits for it if another process has it.
    borrowing func lock() throws(FileError) {
        while flock(descriptor, LOCK_EX) != 0 {
            if errno != EINTR { throw Self.failure("lock", path, errno) }
        }
    }

    // MARK: Entries of a directory

    /// Makes a directory in this one. Only its owner may use it.
    borrowing func makeDirectory(_ name: String, as whole: String) throws(FileError) {
        guard unsafe mkdirat(descriptor, name, 0o700) == 0 else { throw Self.failure("create", whole, errno) }
    }

    /// Makes a link in this directory.
    borrowing func makeLink(_ name: String, to target: String, as whole: String) throws(FileError) {
        guard unsafe symlinkat(target, descriptor, name) == 0 else { throw Self.failure("create", whole, errno) }
    }

    /// Removes an empty directory in this one, if it is there.
    borrowing func removeDirectory(_ name: String) { _ = unsafe unlinkat(descriptor, name, AT_REMOVEDIR) }

    /// The path that the entry links to, or nil if the entry is no link.
    borrowing func link(_ name: String, as whole: String) throws(FileError) -> String? {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        // One byte less than the buffer has, so that a zero stays at the end.
        let count = unsafe readlinkat(descriptor, name, &target, target.count - 1)
        if count >= 0 { return String(decoding: target[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) }
        if errno == EINVAL { return nil }
        throw Self.failure("open", whole, errno)
    }

    /// Renames an entry. It replaces the entry that has the new name.
    borrowing func rename(_ name: String, to other: String, as whole: String) throws(FileError) {
        guard unsafe renameat(descriptor, name, descriptor, other) == 0 else {
            throw Self.failure("replace", whole, errno)
        }
    }

    /// Removes an entry, if it is there.
    borrowing func remove(_ name: String) { _ = unsafe unlinkat(descriptor, name, 0) }

    // MARK: Contents

    /// The permission bits of a regular file, such as 0o600. Throws for anything that is not a regular file.
    borrowing func permissionsOfRegularFile() throws(FileError) -> UInt32 {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Self.failure("look at", path, errno) }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG else {
            throw FileError(path, "read", kind == S_IFDIR ? "it is a directory" : "it is no regular file")
        }
        return UInt32(status.st_mode) & 0o777
    }

    /// Who may do what with a regular file. Throws for anything that is not a regular file.
    borrowing func access() throws(FileError) -> FileAccess {
        _ = try permissionsOfRegularFile()
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Self.failure("look at", path, errno) }
        return FileAccess(owner: status.st_uid, group: status.st_gid, mode: UInt32(status.st_mode) & 0o7777)
    }

    /// Gives the file to an owner and a group, with these permissions.
    borrowing func set(_ access: FileAccess) throws(FileError) {
        let present = try self.access()
        if present.owner != access.owner || present.group != access.group {
            guard fchown(descriptor, access.owner, access.group) == 0 else {
                throw Self.failure("keep the owner and the group", path, errno)
            }
        }
        // After the owner, because a new one takes bits of the mode away.
        guard fchmod(descriptor, mode_t(access.mode)) == 0 else {
            throw Self.failure("keep the permissions", path, errno)
        }
    }

    /// The bytes from the beginning of the file, up to the given number.
    borrowing func bytes(atMost count: Int) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let start = bytes.count
            let room = min(max(start, 1 << 14), count - start)
            var (part, number) = (0, CInt(0))
            bytes += unsafe [UInt8](unsafeUninitializedCapacity: room) { rest, initialized in
                part = unsafe pread(descriptor, rest.baseAddress, room, off_t(start))
                number = errno
                initialized = max(part, 0)
            }
            if part == 0 { break }
            if part < 0, number != EINTR { throw Self.failure("read", path, number) }
        }
        return bytes
    }

    /// Writes all of the bytes.
    borrowing func write(_ bytes: [UInt8]) throws(FileError) {
        var start = 0
        while start < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
                return unsafe Self.write(descriptor, rest)
            }
            if count >= 0 { start += count } else if errno != EINTR { throw Self.failure("write", path, errno) }
        }
    }

    /// Returns once the file's bytes, or the directory's entries, would survive a loss of power.
    borrowing func synchronize() throws(FileError) {
        while fsync(descriptor) != 0 {
            if errno != EINTR { throw Self.failure("synchronize", path, errno) }
        }
    }

    // MARK: Calls

    /// With `O_NONBLOCK`, because opening a pipe would otherwise wait for a writer.
    private static var readingFlags: CInt { O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC }
    private static var changeFlags: CInt { O_RDONLY | O_DIRECTORY | O_CLOEXEC }

    /// On Linux these hold `O_PATH`, which Swift does not import. With it, a directory may be searched without the
    /// permission to list it.
    private static var searchFlags: CInt {
        #if os(Linux) || os(Android)
            0o10000000 | O_DIRECTORY | O_CLOEXEC
        #else
            changeFlags
        #endif
    }

    private static func opened(
        _ name: String,
        _ whole: String,
        _ operation: String,
        _ call: () -> CInt
    ) throws(FileError) -> OpenFile {
        // C would take only the text before the zero, which may name another file.
        if name.utf8.contains(0) { throw FileError(whole, operation, "the path contains U+0000") }
        while true {
            let descriptor = call()
            if descriptor >= 0 { return OpenFile(whole, descriptor) }
            if errno != EINTR { throw failure(operation, whole, errno) }
        }
    }

    private static func failure(_ operation: String, _ path: String, _ number: CInt) -> FileError {
        let reason = unsafe strerror(number).map { text in unsafe String(cString: text) } ?? "error \(number)"
        // `ELOOP`: what was a file a moment ago is a link now.
        return FileError(path, operation, reason, hasMoved: [ENOENT, ESTALE, ELOOP].contains(number))
    }

    private static func write(_ file: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            unsafe Glibc.write(file, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
            unsafe Musl.write(file, bytes.baseAddress, bytes.count)
        #elseif canImport(Darwin)
            unsafe Darwin.write(file, bytes.baseAddress, bytes.count)
        #endif
    }
}
