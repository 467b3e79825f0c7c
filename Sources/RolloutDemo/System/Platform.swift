#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The few system calls that the program needs. Only this file and `AppendOnlyFile.swift`, which is there to be copied,
/// import the platform's C library.
enum Platform {
    /// An error number of the system with its text.
    struct SystemError: Error {
        let number: Int32

        var isBrokenPipe: Bool { number == EPIPE }

        var text: String { unsafe String(cString: strerror(number)) }
    }

    static let standardInput = STDIN_FILENO
    static let standardOutput = STDOUT_FILENO
    static let standardError = STDERR_FILENO

    /// Makes a write to a closed pipe an error, where the default is to end the process.
    static func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }

    /// The words of the command line after the program's name.
    ///
    /// A word that is not UTF-8 is refused. The standard library would repair it, and the decision would be for another
    /// unit.
    static func arguments() throws(Stop) -> [String] {
        var words: [String] = []
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let word = unsafe CommandLine.unsafeArgv[index] else { break }
            guard let text = unsafe String(validatingCString: word) else {
                throw .unusable("word \(index) of the command line is no UTF-8")
            }
            words.append(text)
        }
        return words
    }

    static func endProcess(_ status: Int32) -> Never {
        exit(status)
    }

    /// Opens a file for reading, but never as descriptor 0, 1 or 2: if a standard stream is closed, the file would take
    /// its place.
    static func openFile(_ path: String) throws(SystemError) -> Int32 {
        while true {
            let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
            if descriptor > STDERR_FILENO { return descriptor }
            if descriptor >= 0 {
                defer { closeFile(descriptor) }
                let moved = fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
                guard moved >= 0 else { throw SystemError(number: errno) }
                return moved
            }
            if errno != EINTR { throw SystemError(number: errno) }
        }
    }

    static func closeFile(_ descriptor: Int32) {
        _ = close(descriptor)
    }

    /// Reads once, into the bytes from `start` on. Returns the number of bytes, 0 at the end of the input.
    static func readSome(
        _ descriptor: Int32,
        into bytes: inout [UInt8],
        from start: Int
    ) throws(SystemError) -> Int {
        while true {
            let count = unsafe bytes.withUnsafeMutableBytes { bytes in
                let room = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
                return unsafe read(descriptor, room.baseAddress, room.count)
            }
            if count >= 0 { return count }
            try recover(from: errno, on: descriptor, for: POLLIN)
        }
    }

    /// Writes all of the bytes.
    static func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws(SystemError) {
        var start = 0
        while start < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
                return unsafe write(descriptor, rest.baseAddress, rest.count)
            }
            if count >= 0 { start += count } else { try recover(from: errno, on: descriptor, for: POLLOUT) }
        }
    }

    /// The first place of a byte in a part of the bytes.
    static func firstIndex(of byte: UInt8, in bytes: [UInt8], _ part: Range<Int>) -> Int? {
        let start = part.lowerBound
        return unsafe bytes.withUnsafeBytes { bytes in
            let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[part])
            guard let base = part.baseAddress, let found = unsafe memchr(base, Int32(byte), part.count) else {
                return nil
            }
            return unsafe start + (UnsafeRawPointer(found) - base)
        }
    }

    /// Whether a read would return at once, with bytes or with the end.
    static func isReadable(_ descriptor: Int32) -> Bool { wait(on: descriptor, for: POLLIN, milliseconds: 0) }

    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// A variable of the environment.
    static func environment(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }

    /// Returns if the call is worth another try: it was interrupted, or another process made the descriptor
    /// non-blocking.
    private static func recover(from number: Int32, on descriptor: Int32, for events: Int32) throws(SystemError) {
        switch number {
        case EINTR: return
        case EAGAIN: _ = wait(on: descriptor, for: events, milliseconds: -1)
        default: throw SystemError(number: number)
        }
    }

    private static func wait(on descriptor: Int32, for events: Int32, milliseconds: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return unsafe poll(&request, 1, milliseconds) != 0
    }
}
