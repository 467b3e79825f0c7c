@testable import Rollout

/// A text with `▸` where something is expected: an expected position that needs no counting, and moves with the text.
struct MarkedText {
    let text: String
    /// The line and the column of every mark.
    private(set) var positions: [JSONPosition] = []

    init(_ marked: String) {
        var text = ""
        var position = JSONPosition(line: 1, column: 1)
        for scalar in marked.unicodeScalars {
            if scalar == "▸" {
                positions.append(position)
                continue
            }
            text.unicodeScalars.append(scalar)
            position.column += 1
            if scalar == "\n" { position = JSONPosition(line: position.line + 1, column: 1) }
        }
        self.text = text
    }
}
