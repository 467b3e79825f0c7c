extension JSONParser {
    /// Reads one number; what may follow it is the business of whatever it stands in.
    mutating func readNumber() throws(JSONError) {
        if current == UInt8(ascii: "-") { offset += 1 }
        if current == UInt8(ascii: "0") {
            offset += 1
            guard !isAtDigit else { throw failure(.badNumber, "a number must not start with a zero and more digits") }
        } else {
            try readDigits()
        }
        if current == UInt8(ascii: ".") {
            offset += 1
            try readDigits()
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            offset += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { offset += 1 }
            try readDigits()
        }
    }

    private mutating func readDigits() throws(JSONError) {
        guard isAtDigit else { throw unexpected(.badNumber, expected: "a digit") }
        while isAtDigit { offset += 1 }
    }

    private var isAtDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= current }
}
