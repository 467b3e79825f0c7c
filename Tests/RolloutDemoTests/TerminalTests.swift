import Testing

@Suite("route on a terminal")
struct TerminalTests {
    @Test(
        "Progress shows and goes away again; --quiet wants none",
        .enabled(if: Terminal.isAvailable, "needs pseudo-terminals"),
        arguments: [true, false]
    )
    func progress(isQuiet: Bool) throws {
        let arguments = ["route", "--policy", Recorded.policy, Recorded.log] + (isQuiet ? ["--quiet"] : [])
        let text = try Terminal.output(of: arguments, environment: ["TERM": "xterm"])
        let shown = text.ranges(of: "a second").count
        #expect((shown > 0) == !isQuiet)
        #expect(text.ranges(of: "\u{1B}[K").count == 2 * shown)
        #expect(text.contains("2,000 requests decided") == !isQuiet)
        #expect(text.ranges(of: #","rollout":"sms""#).count == 2_000)
    }
}
