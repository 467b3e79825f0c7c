/// A place in a text as an editor shows it; both numbers start at 1.
///
/// The column counts Unicode scalars. LF, CRLF and a lone CR each end a line.
package struct JSONPosition: Hashable, Sendable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

extension JSONPosition {
    static let start = JSONPosition(line: 1, column: 1)

    /// Moves from the start of the range to its end.
    mutating func advance(over range: Range<Int>, of bytes: [UInt8]) {
        for offset in range {
            switch bytes[offset] {
            case UInt8(ascii: "\n") where offset > 0 && bytes[offset - 1] == UInt8(ascii: "\r"):
                continue  // The carriage return has ended the line.
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                line += 1
                column = 1
            case 0x80..<0xC0:
                continue  // A continuation byte: its scalar is counted already.
            default:
                column += 1
            }
        }
    }
}

/// Positions by offset, without reading the text from its start for each: a long text may have thousands of problems.
struct JSONPositionIndex: Sendable {
    private static let stride = 4_096

    /// The positions of the offsets `stride`, `2 * stride`, …; a short text has none and costs nothing.
    private let marks: [JSONPosition]

    init(_ bytes: [UInt8]) {
        var marks: [JSONPosition] = []
        var position = JSONPosition.start
        var offset = 0
        while offset + Self.stride <= bytes.count {
            position.advance(over: offset..<offset + Self.stride, of: bytes)
            marks.append(position)
            offset += Self.stride
        }
        self.marks = marks
    }

    func position(of offset: Int, in bytes: [UInt8]) -> JSONPosition {
        let block = min(offset / Self.stride, marks.count)
        var position = block == 0 ? .start : marks[block - 1]
        position.advance(over: block * Self.stride..<offset, of: bytes)
        return position
    }
}
