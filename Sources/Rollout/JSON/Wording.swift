/// A number with commas between its thousands: `34,560,000`.
package func grouped(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number.magnitude).reversed().enumerated() {
        if index > 0, index.isMultiple(of: 3) { text.append(",") }
        text.append(digit)
    }
    return (number < 0 ? "-" : "") + String(text.reversed())
}

/// A number rounded to so many significant digits, as JSON spells it: `0.41`, `120`, `1.01423e+304`.
///
/// Rounding is to the nearest, as far as a `Double` has it. What is not finite comes out as the nearest that is, or 0.
package func significant(_ number: Double, digits: Int) -> String {
    guard number.isFinite, number != 0 else {
        return number.isInfinite ? significant(number > 0 ? 1e308 : -1e308, digits: digits) : "0"
    }
    var (scaled, exponent) = (number.magnitude, 0)
    while scaled >= 10 { (scaled, exponent) = (scaled / 10, exponent + 1) }
    while scaled < 1 { (scaled, exponent) = (scaled * 10, exponent - 1) }
    let places = (0..<digits - 1).reduce(1.0) { power, _ in power * 10 }
    let mantissa = Int((scaled * places).rounded())
    let text = "\(mantissa)e\(exponent - digits + 1)"
    let rounded = Double(text) ?? number.magnitude
    let spelled = rounded == rounded.rounded() && rounded < 1e15 ? String(Int(rounded)) : "\(rounded)"
    return (number < 0 ? "-" : "") + spelled
}

/// A time as people say it: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`.
package func spelled(seconds: Double) -> String {
    guard seconds < 1e9 else { return "30 years or" }
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")]
    let whole = Int(seconds.rounded(.up))
    guard let first = units.firstIndex(where: { $0.0 <= whole }), first < 2 else {
        return whole < 60 ? "\(whole) s" : "\((whole + 59) / 60) min"
    }
    let (size, smaller) = (units[first].0, units[first + 1].0)
    let rest = whole % size / smaller
    return "\(whole / size) \(units[first].1)" + (rest == 0 ? "" : " \(rest) \(units[first + 1].1)")
}

/// A range as messages spell it: `0 ... 1,000,000`.
package func spelled(_ range: ClosedRange<Int>) -> String {
    "\(grouped(range.lowerBound)) ... \(grouped(range.upperBound))"
}

/// Words as messages list them: `"a", "b" or "c"`. Of many, the first twelve.
package func alternatives(_ words: [String]) -> String {
    let quoted = words.prefix(12).map { "\"\($0)\"" }
    guard quoted.count == words.count else { return quoted.joined(separator: ", ") + ", …" }
    guard let last = quoted.last, quoted.count > 1 else { return quoted.joined() }
    return quoted.dropLast().joined(separator: ", ") + " or " + last
}

/// A text as messages quote it, on one line and not too long.
func quoted(_ text: String) -> String { JSONExcerpt.line(of: JSONTree.string(text).canonicalBytes[...]) }

/// The candidate that is nearest to a misspelt word, or nil if none is near enough to have been meant.
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

/// A number in hexadecimal, with leading zeros up to that many digits.
package func hexadecimal(_ number: some FixedWidthInteger & UnsignedInteger, digits: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
}

extension JSONValue {
    /// The value as a message says what was found: its text on one line, at most 40 characters of it.
    ///
    /// Strings keep their quotation marks and their escapes, an array is `an array`, an object `an object`.
    package var excerpt: String {
        switch kind {
        case .object: "an object"
        case .array: "an array"
        case .null, .boolean, .number, .string: JSONExcerpt.line(of: tape.bytes[Int(node.start)..<Int(node.extent)])
        }
    }
}

/// Text from a document, made fit for a message.
enum JSONExcerpt {
    private static let maximumLength = 40

    static func line(of text: ArraySlice<UInt8>) -> String {
        let isString = text.first == UInt8(ascii: "\"")
        // The mark of an omission, and a quotation mark that closes what is left.
        let ending = isString ? "…\"" : "…"
        // What comes after is cut off in any case: a scalar has at most four bytes.
        let head = String(decoding: text.prefix(4 * maximumLength + 4), as: UTF8.self)
        var line = ""
        var length = 0
        var kept = ""
        for piece in pieces(of: head) {
            line += piece
            length += piece.unicodeScalars.count
            if length + ending.unicodeScalars.count <= maximumLength { kept = line }
            if length > maximumLength { return kept + ending }
        }
        return line
    }

    /// Controls, line separators and marks that change the direction of the text: they would spoil the line they are in.
    static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    /// The parts that are kept or cut as a whole: an escape, or one scalar.
    private static func pieces(of text: String) -> [String] {
        var pieces: [String] = []
        var scalars = text.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            if scalar == "\\", let letter = scalars.popFirst() {
                pieces.append("\\\(letter)" + (letter == "u" ? String(scalars.prefix(4)) : ""))
                if letter == "u" { scalars = scalars.dropFirst(4) }
            } else if isInvisible(scalar) {
                pieces.append(String(scalar).utf16.map(escape).joined())
            } else {
                pieces.append(String(scalar))
            }
        }
        return pieces
    }

    private static func escape(_ unit: UInt16) -> String { "\\u" + hexadecimal(unit, digits: 4) }
}
