import Testing

@testable import Rollout

@Suite("A token")
struct StickyTokenTests {
    private let token = StickyToken(
        key: 0x07,
        variant: VariantTag(rawValue: 0x0102_0304),
        bucket: 0x0506_0708,
        epoch: 0x090A_0B0C,
        revision: 0x0D0E_0F10,
        issued: 0x1112_1314,
        expires: 0x1516_1718
    )

    @Test("has the contract's 42 bytes, big-endian")
    func layout() {
        var bytes = token.bytes
        bytes.tag = AuthenticationTag(words: (0xA0A1_A2A3_A4A5_A6A7, 0xA8A9_AAAB_ACAD_AEAF))
        let payload = unsafe bytes.withPayload { unsafe Array($0) }
        #expect(hexadecimal(payload) == "0107" + "0102030405060708090a0b0c0d0e0f101112131415161718")
        // base64.urlsafe_b64encode of those bytes and a0 … af, by Python.
        #expect(
            bytes.text == "AQcBAgMEBQYHCAkKCwwNDg8QERITFBUWFxigoaKjpKWmp6ipqqusra6v"
        )
        #expect(StickyToken(bytes) == token)
        #expect(bytes.tag.words == (0xA0A1_A2A3_A4A5_A6A7, 0xA8A9_AAAB_ACAD_AEAF))
    }

    @Test("comes back from its text, whatever it holds")
    func roundTrip() throws {
        var generator = SplitMix64(seed: 6)
        for _ in 0..<500 {
            var bytes = TokenBytes(
                words: (
                    generator.next(), generator.next(), generator.next(), generator.next(), generator.next(),
                    generator.next() & 0xFFFF << 48
                )
            )
            let again = try #require(read(Array(bytes.text.utf8)))
            #expect(again.words == bytes.words)
            let tag = AuthenticationTag(words: (generator.next(), generator.next()))
            bytes.tag = tag
            #expect(bytes.tag.matches(tag))
            #expect(bytes.words.0 == again.words.0 && bytes.words.3 >> 48 == again.words.3 >> 48, "payload untouched")
        }
    }

    @Test("has one length", arguments: 0...200)
    func length(_ length: Int) {
        #expect((read([UInt8](repeating: UInt8(ascii: "A"), count: length)) != nil) == (length == 56))
    }

    @Test("has one alphabet, at every place")
    func alphabet() {
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var wrong: [String] = []
        for place in 0..<56 {
            for byte in UInt8.min...UInt8.max {
                var text = [UInt8](repeating: UInt8(ascii: "A"), count: 56)
                text[place] = byte
                if (read(text) != nil) != alphabet.contains(byte) { wrong.append("byte \(byte) at \(place)") }
            }
        }
        #expect(wrong == [])
    }

    @Test("of another version is no token")
    func version() {
        for version in UInt8.min...UInt8.max {
            var bytes = token.bytes
            bytes.words.0 = (bytes.words.0 & (1 << 56 - 1)) | UInt64(version) << 56
            #expect((StickyToken(bytes) != nil) == (version == 1))
        }
    }

    private func read(_ text: [UInt8]) -> TokenBytes? {
        unsafe text.withUnsafeBytes { text in unsafe TokenBytes(text: text) }
    }
}
