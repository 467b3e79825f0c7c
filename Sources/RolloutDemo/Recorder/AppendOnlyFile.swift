#if canImport(Glibc)
    private import Glibc
#elseif canImport(Musl)
    private import Musl
#else
    private import Darwin
#endif

/// A file that only grows: the platform's calls behind ``JSONLinesRecorder``.
struct AppendOnlyFile: ~Copyable {
    /// A call that failed, with the system's reason.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let path: String
    private let descriptor: CInt

    /// Opens a file, and makes it where there is none, for its owner alone.
    init(_ path: String) throws(Failure) {
        self.path = path
        descriptor = try Self.opened(path, "open \(path)") {
            unsafe open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0o600)
        }
    }

    deinit { _ = close(descriptor) }

    /// Whether the last line has no end: whoever wrote it was killed, or had no room.
    borrowing func isTorn() throws(Failure) -> Bool {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Self.failure("look at \(path)", errno) }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size > 0 else { return false }
        var last: UInt8 = 0
        while true {
            switch unsafe pread(descriptor, &last, 1, status.st_size - 1) {
            case 1: return last != UInt8(ascii: "\n")
            case 0: return false
            default: if errno != EINTR { throw Self.failure("read \(path)", errno) }
            }
        }
    }

    /// Appends bytes in one call: the system puts them at the end at that moment, whoever else appends.
    borrowing func append(_ bytes: [UInt8]) throws(Failure) {
        while true {
            let count = unsafe bytes.withUnsafeBytes { bytes in unsafe Self.write(descriptor, bytes) }
            if count == bytes.count { return }
            if count >= 0 { throw Failure(description: "only \(count) of \(bytes.count) bytes fit into \(path)") }
            if errno != EINTR { throw Self.failure("append to \(path)", errno) }
        }
    }

    /// Returns once what was appended would outlive a loss of power.
    borrowing func synchronize() throws(Failure) { try Self.synchronize(descriptor, path) }

    /// Returns once the file's name would outlive a loss of power.
    borrowing func synchronizeName() throws(Failure) {
        let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? "."
        let directory = try Self.opened(folder, "open \(folder)") {
            unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        defer { _ = close(directory) }
        try Self.synchronize(directory, folder)
    }

    // MARK: Calls

    private static func opened(_ path: String, _ operation: String, _ call: () -> CInt) throws(Failure) -> CInt {
        while true {
            let descriptor = call()
            if descriptor >= 0 { return descriptor }
            if errno != EINTR { throw failure(operation, errno) }
        }
    }

    private static func synchronize(_ descriptor: CInt, _ path: String) throws(Failure) {
        while fsync(descriptor) != 0 {
            // A pipe or a terminal has nothing that could be synchronized.
            if errno == EINVAL { return }
            if errno != EINTR { throw failure("synchronize \(path)", errno) }
        }
    }

    private static func failure(_ operation: String, _ number: CInt) -> Failure {
        let reason = unsafe strerror(number).map { text in unsafe String(cString: text) } ?? "error \(number)"
        return Failure(description: "cannot \(operation): \(reason)")
    }

    private static func write(_ file: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            unsafe Glibc.write(file, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
            unsafe Musl.write(file, bytes.baseAddress, bytes.count)
        #else
            unsafe Darwin.write(file, bytes.baseAddress, bytes.count)
        #endif
    }
}
