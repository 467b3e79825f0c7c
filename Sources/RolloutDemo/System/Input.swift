/// A file or standard input, read from front to back.
struct Input {
    /// What messages call it.
    let name: String
    private let descriptor: Int32

    /// Opens a file; nil and `-` are standard input.
    init(_ path: String?) throws(Stop) {
        guard let path, path != "-" else {
            name = "standard input"
            descriptor = Platform.standardInput
            return
        }
        name = path
        do throws(Platform.SystemError) {
            descriptor = try Platform.openFile(path)
        } catch {
            throw .unusable("cannot open \(path): \(error.text)")
        }
    }

    func close() {
        if descriptor != Platform.standardInput { Platform.closeFile(descriptor) }
    }

    /// Whether a read would return without waiting.
    var isReady: Bool { Platform.isReadable(descriptor) }

    /// Reads once, into the bytes from `start` on. Returns the number of bytes, 0 at the end.
    func read(into bytes: inout [UInt8], from start: Int) throws(Stop) -> Int {
        do throws(Platform.SystemError) {
            return try Platform.readSome(descriptor, into: &bytes, from: start)
        } catch {
            throw .unusable("cannot read \(name): \(error.text)")
        }
    }

    /// Reads everything, or stops and returns nil as soon as there is more than the limit.
    func readAll(limit: Int) throws(Stop) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var end = 0
        while true {
            let count = try read(into: &bytes, from: end)
            if count == 0 { return Array(bytes[..<end]) }
            end += count
            if end > limit { return nil }
            if end == bytes.count { bytes.append(contentsOf: [UInt8](repeating: 0, count: bytes.count)) }
        }
    }
}

/// Cuts an input into lines. The memory it needs does not grow with the input.
///
/// A line ends with LF or CRLF; the last one may end with the input. No other byte means anything here.
struct LineReader {
    enum Line {
        case bytes([UInt8])
        /// Longer than ``limit``: skipped without being kept.
        case tooLong
    }

    /// The longest line that is returned, without its end: 1 MiB.
    static let limit = 1 << 20
    /// Holds the longest line with its CRLF.
    private static let capacity = limit + 2

    private let input: Input
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)
    /// What was read and not returned yet. The bytes of it before `searched` hold no line feed.
    private var unread = 0..<0
    private var searched = 0
    private var isAtEnd = false
    private var isSkipping = false

    init(_ input: Input) { self.input = input }

    /// The next line without its end, or nil at the end of the input.
    ///
    /// - Parameter beforeWaiting: Called before a read that may wait, because the sender may wait for our output first.
    /// - Returns: The line, or nil.
    /// - Throws: The errors of reading, and those of `beforeWaiting`.
    mutating func next(beforeWaiting: () throws(Stop) -> Void) throws(Stop) -> Line? {
        while true {
            if let end = Platform.firstIndex(of: UInt8(ascii: "\n"), in: buffer, searched..<unread.upperBound) {
                defer { discard(through: end + 1) }
                return line(upTo: end)
            }
            searched = unread.upperBound
            if isAtEnd {
                defer { discard(through: unread.upperBound) }
                return unread.isEmpty && !isSkipping ? nil : line(upTo: unread.upperBound)
            }
            if unread.count > Self.limit + 1 { isSkipping = true }
            if isSkipping || unread.isEmpty { unread = 0..<0 }
            searched = unread.upperBound
            if !input.isReady { try beforeWaiting() }
            try readMore()
        }
    }

    private mutating func line(upTo end: Int) -> Line {
        if isSkipping {
            isSkipping = false
            return .tooLong
        }
        var line = buffer[unread.lowerBound..<end]
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line.count > Self.limit ? .tooLong : .bytes(Array(line))
    }

    private mutating func discard(through end: Int) {
        unread = end..<unread.upperBound
        searched = end
    }

    private mutating func readMore() throws(Stop) {
        if buffer.count - unread.upperBound < buffer.count / 2 { makeRoom() }
        let count = try input.read(into: &buffer, from: unread.upperBound)
        isAtEnd = count == 0
        unread = unread.lowerBound..<(unread.upperBound + count)
    }

    /// Moves the start of a line, which is all that is unread, to the front. Doubles the buffer if that makes no room.
    private mutating func makeRoom() {
        var size = buffer.count
        if size - unread.count < size / 2 { size = min(2 * size, Self.capacity) }
        buffer.removeFirst(unread.lowerBound)
        buffer.append(contentsOf: [UInt8](repeating: 0, count: size - buffer.count))
        unread = 0..<unread.count
        searched = unread.upperBound
    }
}
