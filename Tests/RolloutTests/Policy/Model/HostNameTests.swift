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
        #expect(Self.normalized(header) == Array(host.utf8))
    }

    /// What a session makes of a header.
    private static func normalized(_ header: String) -> [UInt8] {
        let header = Array(header.utf8)
        return unsafe header.withUnsafeBytes { header in unsafe HostName.withNormalized(header) { unsafe Array($0) } }
    }

    private static func handle(_ hosts: [HostName: VariantName]) throws -> RolloutHandle {
        let rollout = RolloutDefinition(.canary(.percent(0), stable: ["app": "1"], canary: ["app": "2"]), hosts: hosts)
        return try #require(RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: ["r": rollout])).rollout("r"))
    }

    /// Of every length about the words in which a header is read, with capitals and their neighbours in every place.
    @Test("A header finds its host, however it is spelled", arguments: 1...40)
    func spelled(length: Int) throws {
        var random = SplitMix64(seed: UInt64(length))
        let letters = Array("abyz019-_~!$&'()+;=")
        for _ in 0..<8 {
            let plain = String((0..<(length - 1)).compactMap { _ in letters.randomElement(using: &random) }) + "x"
            let host = HostName(plain)
            let handle = try Self.handle([HostName("other.example"): .canary, HostName("h" + plain): .canary])
            var spellings = [
                "h" + plain, "h" + plain + ":80", "h" + plain + ".", "H" + plain + ".:", "h" + plain.uppercased(),
            ]
            spellings += (0..<plain.count).map { index in
                let place = plain.index(plain.startIndex, offsetBy: index)
                return "h" + plain[..<place] + plain[place].uppercased() + plain[place...].dropFirst()
            }
            for header in spellings where HostName(header) == HostName("h" + plain) {
                #expect(handle.decision(for: nil, host: header).reason == .host, "\(header)")
                #expect(Self.normalized(header).elementsEqual(HostName(header).text.utf8))
            }
            for header in [
                plain, "h" + plain + "x", "h" + plain + "..", "H" + plain.dropLast() + "Y", "h" + plain + ":80:80",
            ]
            where HostName(header) != HostName("h" + plain) {
                #expect(handle.decision(for: nil, host: header).reason == .missingUnit, "\(header)")
            }
            #expect(host.text.utf8.elementsEqual(plain.utf8))
        }
    }

    /// The letters that are lowered, their neighbours, and the same with the top bit set.
    @Test("Eight bytes at a time come to what one at a time does", arguments: 0...40)
    func lowered(length: Int) {
        var random = SplitMix64(seed: UInt64(length))
        let bytes: [UInt8] = [
            0x40, 0x41, 0x5A, 0x5B, 0x60, 0x61, 0x7A, 0x7B, 0xC0, 0xC1, 0xDA, 0xDB, 0xFF, 0x00, 0x2E, 0x3A, 0x30,
        ]
        for _ in 0..<200 {
            let few = bytes.shuffled(using: &random).prefix(random.next() % 2 == 0 ? 3 : 17)
            let header = (0..<length).compactMap { _ in few.randomElement(using: &random) }
            let found = unsafe header.withUnsafeBytes { bytes in
                unsafe HostName.withNormalized(bytes) { unsafe Array($0) }
            }
            let name = header.prefix(unsafe header.withUnsafeBytes { bytes in unsafe HostName.length(of: bytes) })
            #expect(found == name.map { 0x41...0x5A ~= $0 ? $0 + 32 : $0 })
        }
    }

    /// The hash takes in eight bytes at a time, so the last eight can make up for any difference in the first eight.
    @Test("A host whose hash is that of a listed one is another host")
    func collision() throws {
        let listed = "canary.example.a"
        let handle = try Self.handle([HostName(listed): .canary])
        var random = SplitMix64(seed: 1)
        var found = 0
        for _ in 0..<100_000 where found < 3 {
            let first = (0..<8).map { _ in UInt8.random(in: 0x61...0x7A, using: &random) }
            let other = Self.colliding(with: Array(listed.utf8), first)
            guard other.suffix(8).allSatisfy({ 0x00...0x3F ~= $0 || 0x60...0x7F ~= $0 }), other.last != 0x2E,
                !other.contains(UInt8(ascii: ":"))
            else { continue }
            found += 1
            let hashes = [Array(listed.utf8), other].map { text in
                unsafe text.withUnsafeBytes { bytes in unsafe HostScan(bytes).hash }
            }
            #expect(hashes[0] == hashes[1])
            let decision = handle.decision(for: nil, host: String(decoding: other, as: UTF8.self))
            #expect(decision.reason == .missingUnit, "\(other)")
        }
        #expect(found == 3)
        #expect(handle.decision(for: nil, host: listed).reason == .host)
    }

    /// Sixteen bytes that begin with eight given ones, and have the hash of sixteen others.
    private static func colliding(with listed: [UInt8], _ first: [UInt8]) -> [UInt8] {
        func hashOfFirst(_ bytes: [UInt8]) -> UInt64 {
            let word = bytes.prefix(8).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
            return XXH3.foldedProduct(16 ^ word, XXH3.Prime64.first)
        }
        let difference = hashOfFirst(listed) ^ hashOfFirst(first)
        return first + listed[8...].enumerated().map { $1 ^ UInt8(truncatingIfNeeded: difference >> (8 * UInt64($0))) }
    }

    @Test("A header longer than any rule's host is no host, however long")
    func length() throws {
        let longest = String(repeating: "h", count: 1_024)
        for (header, isHost) in [
            (longest, true), (longest + ".:65535", true), (longest + "h", false),
            (.letters(1_000_000, "h"), false),
        ] {
            let decision = try Self.handle([HostName(longest): .canary]).decision(for: nil, host: header)
            #expect((decision.reason == .host) == isHost)
            #expect(Self.normalized(header).elementsEqual(HostName(header).text.utf8))
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
        arguments: [
            "a..", "a:80.", "..", "a b", "a/b", "a?b", "a#b", "a@b", "a,b", "a\\b", "a\u{7F}", "a\t", "a[b", "a]b",
            "a{b",
            "a`b", "a^b", "a|b", "a%b", "a\"b", "a<b", "a>b", "caf\u{E9}", "*.a", "a:x", "::1", "[::1", ".a", "a..b",
        ]
    )
    func refused(host: String) {
        let rollout = RolloutDefinition(.fixed(["app": "1"]), hosts: [HostName(host): .stable])
        let error = #expect(throws: PolicyError.self) {
            try RolloutPolicy(revision: 1, rollouts: ["r": rollout]).validate()
        }
        #expect(error?.problems.map(\.code) == [.badHost])
    }

    @Test(
        "A rule for what a header can have is taken, whoever's host it is",
        arguments: [
            "a", "A.Example.", "a.example:1", "a.example:65535", "a.example:00080", "a.example:", "10.0.0.1",
            "10.0.0.1:80",
            "my_service", "xn--caf-dma.example", "-", "a~!$&'()+;=b", "[::1]", "[::1]:65535", "[::]", "[2001:DB8::A].",
            "[1:2:3:4:5:6:7:8]", "[::ffff:10.0.0.1]", "[1:2:3:4:5:6:10.0.0.1]", "[1::]", "[::2:3:4:5:6:7:8]",
            "[1:2:3:4:5:6:7::]", "127.1", "80",
        ]
    )
    func accepted(host: String) throws {
        let json = """
            {"schema": 1, "revision": 1, "rollouts": {"r": {
              "strategy": {"type": "fixed", "release": {"app": "1"}}, "hosts": {"\(host)": "stable"}}}}
            """
        let policy = try RolloutPolicy(json: json)
        let handle = try #require(RolloutRouter(policy: policy).rollout("r"))
        #expect(handle.decision(for: nil, host: host).reason == .host)
        #expect(handle.decision(for: nil, host: policy.rollouts["r"]?.hosts.keys.first?.text).reason == .host)
    }
}
