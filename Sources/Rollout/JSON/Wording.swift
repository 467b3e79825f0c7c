/// A number with its thousands set apart: `34,560,000`.
package func grouped(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number.magnitude).reversed().enumerated() {
        if index > 0, index.isMultiple(of: 3) { text.append(",") }
        text.append(digit)
    }
    return (number < 0 ? "-" : "") + String(text.reversed())
}

/// A range as messages spell it: `0 ... 1,000,000`.
func spelled(_ range: ClosedRange<Int>) -> String { "\(grouped(range.lowerBound)) ... \(grouped(range.upperBound))" }

/// Words as messages list them: `"a", "b" or "c"`; of many, the first ones.
package func alternatives(_ words: [String]) -> String {
    let quoted = words.prefix(12).map { "\"\($0)\"" }
    guard quoted.count == words.count else { return quoted.joined(separator: ", ") + ", …" }
    guard let last = quoted.last, quoted.count > 1 else { return quoted.joined() }
    return quoted.dropLast().joined(separator: ", ") + " or " + last
}

/// A text as messages quote it, on one line and not too long.
func quoted(_ text: String) -> String { JSONExcerpt.line(of: JSONTree.string(text).canonicalBytes[...]) }

/// The candidate that is nearest to a misspelt word, or nil where none is near enough to be meant.
package func nearest(to word: String, among candidates: [String]) -> String? {
    let limit = max(1, word.utf8.count / 3)
    return candidates.filter { abs($0.utf8.count - word.utf8.count) <= limit }
        .map { (distance: editDistance($0, word), text: $0) }
        .filter { $0.distance <= limit }
        .min { $0.distance < $1.distance }?.text
}

/// Levenshtein's distance in bytes, a swap of neighbours counted as one edit.
private func editDistance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    var rows = [Array(0...right.count)]
    for (i, a) in left.enumerated() {
        var row = [i + 1]
        for (j, b) in right.enumerated() {
            var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a == b ? 0 : 1))
            if i > 0, j > 0, a == right[j - 1], left[i - 1] == b { best = min(best, rows[i - 1][j - 1] + 1) }
            row.append(best)
        }
        rows.append(row)
    }
    return rows[left.count][right.count]
}
