import Rollout
import Testing

@Suite("Names")
struct PolicyNameTests {
    @Test(
        "are 1 to 64 of A-Z a-z 0-9 . _ -",
        arguments: ["a", "Z", "0", ".", "_", "-", "sms-2026.11_b", String(repeating: "n", count: 64)]
    )
    func valid(text: String) {
        #expect(RolloutID(text)?.text == text)
        #expect(VariantName(text)?.description == text)
        #expect(Release.Component(text)?.text == text)
    }

    @Test(
        "are nothing else",
        arguments: [
            "", " ", "a b", "a/b", "caf\u{E9}", "\u{212A}", "a\u{0}", "\u{FF21}", "a\u{301}", "a\n", "+", "@",
            String(repeating: "n", count: 65),
        ]
    )
    func invalid(text: String) {
        #expect(RolloutID(text) == nil)
        #expect(VariantName(text) == nil)
        #expect(Release.Component(text) == nil)
    }

    @Test("have an order by bytes")
    func order() {
        let names: [RolloutID] = ["b", "a", "B", "_", "10", "9", "-"]
        #expect(names.sorted() == ["-", "10", "9", "B", "_", "a", "b"])
    }
}
