import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Runs the demo on a pseudo-terminal.
enum Terminal {
    static let isAvailable = FileManager.default.fileExists(atPath: "/dev/ptmx")

    struct Unavailable: Error {}

    /// What the demo shows on a terminal that is its standard output and standard error, up to a text after which it is
    /// ended, or all of it.
    static func output(
        of arguments: [String],
        environment: [String: String],
        through last: String? = nil
    ) throws -> String {
        let controller = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY)
        guard controller >= 0 else { throw Unavailable() }
        defer { close(controller) }
        let terminal = unsafe open(try name(ofTerminalBehind: controller), O_RDWR | O_NOCTTY)
        guard terminal >= 0 else { throw Unavailable() }
        let process = Process()
        process.executableURL = try Demo.executable()
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let handle = FileHandle(fileDescriptor: terminal, closeOnDealloc: false)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
        close(terminal)
        // Ends with an error instead of 0 bytes once nobody holds the other side.
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = unsafe read(controller, &buffer, buffer.count), count > 0 {
            bytes += buffer[..<count]
            if let last, String(decoding: bytes, as: UTF8.self).contains(last) {
                process.terminate()
                break
            }
        }
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }

    #if os(Linux)
        private static func name(ofTerminalBehind controller: Int32) throws -> String {
            // linux/ioctl.h, whose macros are too much for the importer: TIOCSPTLCK and TIOCGPTN.
            var lock: Int32 = 0
            var number: Int32 = 0
            guard unsafe ioctl(controller, 0x4004_5431, &lock) == 0, unsafe ioctl(controller, 0x8004_5430, &number) == 0
            else { throw Unavailable() }
            return "/dev/pts/\(number)"
        }
    #else
        private static func name(ofTerminalBehind controller: Int32) throws -> String {
            guard grantpt(controller) == 0, unlockpt(controller) == 0, let name = unsafe ptsname(controller) else {
                throw Unavailable()
            }
            return unsafe String(cString: name)
        }
    #endif
}
