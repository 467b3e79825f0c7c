import Testing

@testable import Rollout

@Suite("The Cookie header")
struct CookieScannerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let header: [UInt8]
        let values: [String]
        let testDescription: String

        init(_ header: String, _ values: [String]) {
            self.header = Array(header.utf8)
            self.values = values
            testDescription = header.debugDescription
        }
    }

    static let cases = [
        Case("", []),
        Case("a", []),
        Case("a=", [""]),
        Case("a=1", ["1"]),
        Case("a=1;", ["1"]),
        Case(";a=1", ["1"]),
        Case(";;;a=1;;;", ["1"]),
        Case("b=2; a=1", ["1"]),
        Case("b=2;a=1", ["1"]),
        Case("b=2;\t a=1 \t; c=3", ["1"]),
        Case("a=1; a=2", ["1", "2"]),
        Case("a=x=y", ["x=y"]),
        Case("a==", ["="]),
        Case("A=1", []),
        Case("aa=1", []),
        Case("ba=1; ab=2", []),
        Case("b=a=1", []),
        Case("=a=1", []),
        Case("a =1", []),
        Case("a= 1", [" 1"]),
        Case("a=\"1\"", ["\"1\""]),
        Case("a=\"1; a=2\"", ["\"1", "2\""]),
        Case("b=\"; a=1", ["1"]),
        Case("a=1,a=2", ["1,a=2"]),
        Case("a=1\0", ["1\0"]),
        Case("a=1\r\nb=2; a=3", ["1\r\nb=2", "3"]),
        Case("\na=1", []),
        Case("ä=1; a=ß", ["ß"]),
    ]

    @Test("gives the values of a name in their order", arguments: cases)
    func values(_ row: Case) {
        #expect(
            Self.values(of: Array("a".utf8), in: row.header).map { String(decoding: $0, as: UTF8.self) } == row.values
        )
    }

    @Test("finds the end of a pair wherever it falls", arguments: 0..<40)
    func everyPlace(_ place: Int) {
        let filler = [UInt8](repeating: UInt8(ascii: "x"), count: place)
        for length in 0..<40 {
            let value = [UInt8](repeating: UInt8(ascii: "y"), count: length)
            let header = filler + Array(";a=".utf8) + value + Array(";b=1".utf8)
            #expect(Self.values(of: Array("a".utf8), in: header) == [value])
        }
    }

    @Test("is read as by the obvious parser, for 8,000 headers of any bytes")
    func reference() {
        var generator = SplitMix64(seed: 11)
        var wrong: [[UInt8]] = []
        let common = Array("aab==;; \t\"".utf8)
        for _ in 0..<8_000 {
            let header = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                Int.random(in: 0..<8, using: &generator) == 0
                    ? UInt8.random(in: 0...255, using: &generator)
                    : common[Int.random(in: 0..<common.count, using: &generator)]
            }
            let name = Bool.random(using: &generator) ? Array("a".utf8) : Array("aab".utf8)
            if Self.values(of: name, in: header) != Self.obvious(name, header) { wrong.append(header) }
        }
        #expect(wrong == [])
    }

    @Test(
        "of 64 KB that is nothing but signs is read to its end",
        arguments: [";", "=", "a", "a=", "a=;", " ", "aaaaaa;"]
    )
    func large(_ pattern: String) {
        let header =
            Array(String(repeating: pattern, count: 65_536 / pattern.utf8.count).utf8) + Array(";aaaaaaa=end".utf8)
        #expect(Self.values(of: Array("aaaaaaa".utf8), in: header).last == Array("end".utf8))
    }

    private static func values(of name: [UInt8], in header: [UInt8]) -> [[UInt8]] {
        unsafe header.withUnsafeBytes { header in
            unsafe name.withUnsafeBytes { name in
                var scanner = unsafe CookieScanner(header, name: name)
                var values: [[UInt8]] = []
                while let value = unsafe scanner.next() { unsafe values.append(Array(value)) }
                return values
            }
        }
    }

    private static func obvious(_ name: [UInt8], _ header: [UInt8]) -> [[UInt8]] {
        header.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).compactMap { pair in
            let blanks: Set<UInt8> = [UInt8(ascii: " "), UInt8(ascii: "\t")]
            let trimmed = pair.drop { blanks.contains($0) }.reversed().drop { blanks.contains($0) }.reversed()
            guard let sign = trimmed.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            // The blanks after a sign belong to the value, unless nothing else follows.
            return Array(trimmed[..<sign]) == name ? Array(trimmed[trimmed.index(after: sign)...]) : nil
        }
    }
}
