/// Cuts an input into lines, in memory that does not grow with the input.
///
/// A line ends with LF or CRLF, the last one also with the input. Bytes are not looked at otherwise.
struct LineReader {
    enum Line {
        case bytes([UInt8])
        /// Longer than ``limit``: passed over without being held.
        case tooLong
    }

    /// The longest line that is handed out, without its end: 1 MiB.
    static let limit = 1 << 20
    /// A line of the limit with CRLF fits, and so does a fair piece of what follows.
    private static let capacity = limit + 2

    private let input: Input
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)
    /// What is read and not handed out; the bytes before `searched` hold no line feed.
    private var unread = 0..<0
    private var searched = 0
    private var isAtEnd = false
    private var isSkipping = false

    init(_ input: Input) { self.input = input }

    /// The next line without its end, or nil at the end of the input.
    ///
    /// - Parameter beforeWaiting: Called before a read that may have to wait: whoever sends the input may be waiting too.
    /// - Returns: The line, or nil.
    /// - Throws: What reading throws, and what `beforeWaiting` does.
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

    /// Moves the beginning of a line, which is all that is unread, to the front; doubles the buffer where that is no help.
    private mutating func makeRoom() {
        for (place, index) in unread.enumerated() { buffer[place] = buffer[index] }
        unread = 0..<unread.count
        searched = unread.upperBound
        guard buffer.count - unread.upperBound < buffer.count / 2, buffer.count < Self.capacity else { return }
        let size = min(2 * buffer.count, Self.capacity)
        buffer.append(contentsOf: [UInt8](repeating: 0, count: size - buffer.count))
    }
}
