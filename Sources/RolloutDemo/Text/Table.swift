/// Rows of text in aligned columns.
struct Table {
    enum Alignment {
        case left
        case right
    }

    private let alignments: [Alignment]
    private var rows: [[Cell]] = []

    /// A text and its style. A style has no width.
    struct Cell: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
        let text: String
        var style: Style?

        init(_ text: String, _ style: Style? = nil) {
            self.text = text
            self.style = style
        }

        init(stringLiteral text: String) { self.init(text) }
    }

    /// An empty table. `l` is a column aligned to the left, `r` one aligned to the right, for numbers.
    init(_ columns: String) { alignments = columns.map { $0 == "r" ? .right : .left } }

    mutating func add(_ cells: Cell...) { add(cells) }

    mutating func add(_ cells: [Cell]) { rows.append(cells) }

    /// The lines of the table, indented, without trailing blanks. A column of empty texts is left out.
    func lines(styled: Bool = false) -> [String] {
        let widths = alignments.indices.map { column in
            rows.map { column < $0.count ? $0[column].text.unicodeScalars.count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            // Blanks are only written before the next text, so none trail.
            var blanks = 0
            for (cell, (width, alignment)) in zip(row, zip(widths, alignments)) where width > 0 {
                let missing = width - cell.text.unicodeScalars.count
                blanks += 2 + (alignment == .right ? missing : 0)
                if !cell.text.isEmpty {
                    line += String(repeating: " ", count: blanks)
                    line += styled ? cell.style?.applied(to: cell.text) ?? cell.text : cell.text
                    blanks = 0
                }
                blanks += alignment == .left ? missing : 0
            }
            return line
        }
    }
}

/// The look of a text on a terminal.
enum Style: String {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case blue = "34"

    func applied(to text: String) -> String { "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" }

    /// Whether to use styles: only on a terminal, and not if `NO_COLOR` is set (https://no-color.org).
    static var isWelcome: Bool {
        Platform.isTerminal(Platform.standardOutput) && (Platform.environment("NO_COLOR") ?? "").isEmpty
            && Platform.environment("TERM") != "dumb"
    }
}
