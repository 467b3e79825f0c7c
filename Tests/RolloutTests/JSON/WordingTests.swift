import Testing

@testable import Rollout

@Suite("Wording of messages")
struct WordingTests {
    private static let keys = ["strategy", "salt", "epoch", "sticky", "missingUnit", "compatible"]

    @Test(
        "A misspelt word gets the nearest one, a foreign word none",
        arguments: [
            ("stratgey", "strategy"), ("Strategy", "strategy"), ("stratégy", "strategy"), ("epohc", "epoch"),
            ("alt", "salt"), ("slat", "salt"), ("missingUnits", "missingUnit"), ("missing_unit", "missingUnit"),
            ("compatable", "compatible"), ("x", nil), ("", nil), ("pepper", nil), ("stick", "sticky"),
            (String(repeating: "missingUnit", count: 3), nil), (String(repeating: "x", count: 100_000), nil),
        ] as [(String, String?)]
    )
    func suggestion(word: String, expected: String?) {
        #expect(nearest(to: word, among: Self.keys) == expected)
    }

    @Test(
        "A text is quoted on one line and not too long",
        arguments: [
            ("", #""""#), ("a\"b\\", #""a\"b\\""#), ("a\nb", #""a\nb""#), ("\u{0}\u{7F}", #""\u0000\u007f""#),
            ("a\u{2028}b\u{85}", #""a\u2028b\u0085""#), ("\u{202E}abc", #""\u202eabc""#),
            ("caf\u{E9}", "\"caf\u{E9}\""),
            (String(repeating: "x", count: 38), "\"\(String(repeating: "x", count: 38))\""),
            (String(repeating: "x", count: 39), "\"\(String(repeating: "x", count: 37))…\""),
        ]
    )
    func quotation(text: String, expected: String) {
        #expect(quoted(text) == expected)
    }

    @Test("Numbers and lists read well")
    func numbers() {
        #expect([0, 7, 999, 1_000, -1_234_567].map(grouped) == ["0", "7", "999", "1,000", "-1,234,567"])
        #expect(grouped(.min) == "-9,223,372,036,854,775,808")
        #expect(spelled(60...34_560_000) == "60 ... 34,560,000")
        #expect(alternatives([]) == "")
        #expect(alternatives(["a"]) == #""a""#)
        #expect(alternatives(["a", "b", "c"]) == #""a", "b" or "c""#)
        #expect(alternatives(Array(repeating: "a", count: 13)).hasSuffix(#""a", …"#))
    }
}
