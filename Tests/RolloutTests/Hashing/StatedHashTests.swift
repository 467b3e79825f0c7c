import Testing

@testable import Rollout

/// The hashes that a bucketing may state, against the vectors that their authors published.
@Suite("Hashes of other systems")
struct StatedHashTests {
    private static func value(_ hash: some BlockHash, _ bytes: [UInt8]) -> LeadingBits {
        unsafe bytes.withUnsafeBytes { bytes in unsafe hash.value(of: bytes) }
    }

    private static func value(_ hash: some BlockHash, _ text: String) -> LeadingBits { value(hash, Array(text.utf8)) }

    private static func value(_ hash: some StreamedHash, _ bytes: [UInt8]) -> UInt32 {
        var hash = hash
        unsafe bytes.withUnsafeBytes { bytes in unsafe hash.append(bytes) }
        return hash.value
    }

    private static func value(_ hash: some StreamedHash, _ text: String) -> UInt32 { value(hash, Array(text.utf8)) }

    /// The verification of SMHasher: keys of 0 ... 255 bytes under falling seeds, and the hash of all their hashes.
    private func verification(_ hash: ([UInt8], UInt32) -> UInt32) -> UInt32 {
        let hashes = (0..<256).flatMap { count in
            let value = hash((0..<count).map(UInt8.init), UInt32(256 - count))
            return (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
        }
        return hash(hashes, 0)
    }

    @Test("Murmur 3 has the verification value of SMHasher")
    func murmur3() {
        #expect(verification { Self.value(WordFeed(Murmur3(seed: $1)), $0) } == 0xB0F5_7EE3)
    }

    @Test("Murmur 2 has the verification value of SMHasher")
    func murmur2() {
        #expect(verification { Self.value(WordFeed(Murmur2(seed: $1, count: $0.count)), $0) } == 0x2786_4C1E)
    }

    @Test("CRC-32 has its check value")
    func crc32() {
        #expect(Self.value(CRC32(), "123456789") == 0xCBF4_3926)
        #expect(Self.value(CRC32(), "") == 0)
        #expect(Self.value(CRC32(), String(repeating: "a", count: 100)) == 0xAF70_7A64)
    }

    @Test(
        "FNV-1a has the values of draft-eastlake-fnv",
        arguments: [("", 0x811C_9DC5), ("a", 0xE40C_292C), ("foobar", 0xBF9C_F968)] as [(String, UInt32)]
    )
    func fnv1a(_ text: String, _ hash: UInt32) {
        #expect(Self.value(FNV1a(), text) == hash)
        var decimal = FNV1a()
        for byte in String(hash).utf8 { decimal.add(UInt32(byte)) }
        #expect(FNV1a.value(ofDecimal: hash) == decimal.value)
    }

    @Test("The hash of Java is that of its String")
    func java() {
        #expect(Self.value(Java31(), "Ab") == 2_113)
        #expect(Self.value(Java31(), "polygenelubricants") == 0x8000_0000)
    }

    @Test(
        "Code units are those of String, whatever the bytes",
        arguments: ["", "plain", "é", "e\u{301}", "日本", "👍🏽", "a\u{0}b", "\u{FFFF}\u{10000}\u{10FFFF}"]
    )
    func codeUnits(_ text: String) {
        for broken in [[], [0xFF], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF0, 0x9F], [0x80, 0x41]] as [[UInt8]] {
            let bytes = Array(text.utf8) + broken
            let expected = String(decoding: bytes, as: UTF8.self)
            var (short, long) = (Java31(), FNV1a())
            unsafe bytes.withUnsafeBytes { bytes in
                unsafe short.add(scalarsOf: bytes, asUTF16: true)
                unsafe long.add(scalarsOf: bytes, asUTF16: false)
            }
            var (units, scalars) = (Java31(), FNV1a())
            for unit in expected.utf16 { units.add(UInt32(unit)) }
            for scalar in expected.unicodeScalars { scalars.add(scalar.value) }
            #expect(short.value == units.value)
            #expect(long.value == scalars.value)
        }
    }

    @Test("A byte above 0x7F is found wherever it stands", arguments: 0...40)
    func ascii(_ count: Int) {
        let text = [UInt8](repeating: 0x7F, count: count)
        func isASCII(_ bytes: [UInt8]) -> Bool { unsafe bytes.withUnsafeBytes { bytes in unsafe bytes.isASCII } }
        #expect(isASCII(text))
        for place in 0..<count {
            var other = text
            other[place] = 0x80
            #expect(!isASCII(other), "at \(place) of \(count)")
        }
    }

    @Test(
        "MD5 has the digests of RFC 1321",
        arguments: [
            ("", "d41d8cd98f00b204e9800998ecf8427e"), ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"), ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
            (
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                "d174ab98d277d9f5a5611c2c9f419d9f"
            ),
            (String(repeating: "1234567890", count: 8), "57edf4a22be3c955ac49da2e2107b67a"),
        ]
    )
    func md5(_ text: String, _ digest: String) { #expect(digits(Self.value(MD5(), text)) == digest) }

    @Test(
        "SHA-1 and SHA-256 begin as the digests of FIPS 180-4 do",
        arguments: [
            ("abc", "a9993e364706816aba3e25717850c26c", "ba7816bf8f01cfea414140de5dae2223"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5",
                "248d6a61d20638b8e5c026930c3e6039"
            ),
            ("", "da39a3ee5e6b4b0d3255bfef95601890", "e3b0c44298fc1c149afbf4c8996fb924"),
        ]
    )
    func sha(_ text: String, _ first: String, _ second: String) {
        #expect(digits(Self.value(SHA1(), text)) == first)
        #expect(digits(Self.value(SHA256.State.initial, text)) == second)
    }

    @Test("SHA-1 has the digest of a million a")
    func million() {
        #expect(
            digits(Self.value(SHA1(), .letters(1_000_000, "a"))) == "34aa973cd4c4daa4f61eeb2bdbad2731"
        )
    }

    @Test("No hash depends on where the pieces are cut", arguments: 0..<40)
    func pieces(_ seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        let message = HashVectors.data(Int.random(in: 0...300, using: &random))
        func add(to pieces: inout some MessagePieces) {
            var rest = message[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...100, using: &random))
                if piece.count <= 8 {
                    let word = piece.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                    pieces.append(word, count: piece.count)
                } else {
                    unsafe piece.withUnsafeBytes { bytes in unsafe pieces.append(bytes) }
                }
                rest = rest.dropFirst(piece.count)
            }
        }
        func check(_ hash: some BlockHash) {
            var feed = BlockFeed(hash)
            add(to: &feed)
            #expect(feed.end() == Self.value(hash, message))
        }
        func check(_ hash: some StreamedHash) {
            var pieces = hash
            add(to: &pieces)
            #expect(pieces.value == Self.value(hash, message))
        }
        check(WordFeed(Murmur3(seed: 7)))
        check(WordFeed(Murmur2(seed: 7, count: message.count)))
        check(CRC32())
        check(FNV1a())
        check(Java31())
        check(MD5())
        check(SHA1())
        check(SHA256.State.initial)
    }

    private func digits(_ bits: LeadingBits) -> String { hexadecimal(bits.high) + hexadecimal(bits.low) }
}
