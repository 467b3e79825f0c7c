import Rollout

/// Text for standard output or standard error, collected and written in large pieces.
struct Output {
    private let descriptor: Int32
    private let name: String
    private var bytes: [UInt8] = []

    private static let capacity = 1 << 16

    static var standard: Output { Output(Platform.standardOutput, "standard output") }
    static var error: Output { Output(Platform.standardError, "standard error") }

    private init(_ descriptor: Int32, _ name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    var isTerminal: Bool { Platform.isTerminal(descriptor) }

    var isFull: Bool { bytes.count >= Self.capacity }

    mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func append(line: String) {
        append(line)
        bytes.append(UInt8(ascii: "\n"))
    }

    mutating func flush() throws(Stop) {
        try flush(bytes)
        bytes.removeAll(keepingCapacity: true)
    }

    /// Writes what a JSON writer has collected, and empties it.
    mutating func flush(_ writer: inout JSONWriter) throws(Stop) {
        try flush(writer.bytes)
        writer.removeAll()
    }

    private func flush(_ bytes: [UInt8]) throws(Stop) {
        do throws(Platform.SystemError) {
            try Platform.writeAll(bytes, to: descriptor)
        } catch {
            throw error.isBrokenPipe ? .closedPipe : .unusable("cannot write to \(name): \(error.text)")
        }
    }
}
