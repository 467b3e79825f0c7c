import Testing

@testable import Rollout

@Suite("Hosts")
struct HostNameTests {
    @Test(
        "are compared in lower case, without port and one trailing dot",
        arguments: [
            ("canary.example", "canary.example"), ("Canary.EXAMPLE", "canary.example"),
            ("canary.example:8443", "canary.example"), ("canary.example:", "canary.example"),
            ("canary.example.", "canary.example"), ("canary.example.:80", "canary.example"),
            ("canary.example..", "canary.example."), ("canary.example:80.", "canary.example:80"),
            ("canary.example:http", "canary.example:http"), ("localhost:0", "localhost"), ("10.0.0.1:80", "10.0.0.1"),
            ("[::1]", "[::1]"), ("[::1]:8443", "[::1]"), ("[2001:DB8::A]:1", "[2001:db8::a]"), ("::1", "::1"),
            ("2001:db8::80", "2001:db8::80"), ("", ""), (":80", ""), (":", ""), (".", ""), ("80", "80"),
            ("CAF\u{C9}.example", "caf\u{C9}.example"), ("\u{212A}.example", "\u{212A}.example"),
        ]
    )
    func normalisation(header: String, host: String) {
        #expect(HostName(header).text.utf8.elementsEqual(host.utf8))
        let bytes = unsafe HostName.withNormalized(header) { bytes in unsafe bytes.map { unsafe Array($0) } }
        #expect(bytes == Array(host.utf8))
    }

    @Test("A header longer than any rule's host is no host, however long")
    func length() {
        let longest = String(repeating: "h", count: 1_024)
        for (header, isHost) in [
            (longest, true), (longest + ".:65535", true), (longest + "h", false),
            (String(repeating: "h", count: 1_000_000), false),
        ] {
            let isRead = unsafe HostName.withNormalized(header) { unsafe $0 != nil }
            #expect(isRead == isHost)
        }
    }

    @Test("compare by bytes")
    func identity() {
        #expect(HostName("caf\u{E9}") != HostName("cafe\u{301}"))
        #expect(HostName("A:1") == HostName("a."))
        #expect(Set([HostName("A:1"), HostName("a"), HostName("b")]).count == 2)
        #expect(HostName("A.example:1").description == "a.example")
    }

    @Test(
        "A rule that could not apply, or would not survive a round trip, is refused",
        arguments: ["a..", "a:80.", "..", "a b", "a/b", "a?b", "a#b", "a@b", "a,b", "a\\b", "a\u{7F}", "a\t"]
    )
    func refused(host: String) {
        let rollout = RolloutDefinition(.fixed(["app": "1"]), hosts: [HostName(host): .stable])
        let error = #expect(throws: PolicyError.self) {
            try RolloutPolicy(revision: 1, rollouts: ["r": rollout]).validate()
        }
        #expect(error?.problems.map(\.code) == [.badHost])
    }
}
