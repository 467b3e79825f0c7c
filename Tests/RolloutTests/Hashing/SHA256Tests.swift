import Testing

@testable import Rollout

@Suite("SHA-256")
struct SHA256Tests {
    @Test(
        "gives the published digests (FIPS 180-4 examples)",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrst"
                    + "nopqrstu",
                "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
            ),
        ]
    )
    func published(_ message: String, _ digest: String) {
        #expect(hexadecimal(SHA256.digest(Array(message.utf8))) == digest)
    }

    @Test("gives the published digest of a million a")
    func million() {
        let digest = SHA256.digest([UInt8](repeating: 0x61, count: 1_000_000))
        #expect(hexadecimal(digest) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("agrees with Python's hashlib", arguments: HashVectors.sha256.lengths)
    func reference(_ vector: HashedLength) {
        #expect(hexadecimal(SHA256.digest(HashVectors.data(vector.length))) == vector.hash)
    }

    @Test("agrees with Python's hashlib at every length up to 130")
    func everyLength() {
        let digests = (0...130).flatMap { SHA256.digest(HashVectors.data($0)) }
        #expect(hexadecimal(SHA256.digest(digests)) == HashVectors.sha256.digestOfDigests)
    }

    @Test("does not depend on where the pieces are cut", arguments: 0..<60)
    func streaming(_ seed: Int) {
        var generator = SplitMix64(seed: UInt64(seed))
        let message = HashVectors.data(Int.random(in: 0...400, using: &generator))
        var hash = SHA256()
        var rest = message[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 0...(seed.isMultiple(of: 2) ? 20 : 150), using: &generator))
            unsafe piece.withUnsafeBytes { bytes in unsafe hash.update(bytes) }
            rest = rest.dropFirst(piece.count)
        }
        #expect(hash.finalize().bytes == SHA256.digest(message))
    }

    @Test("takes integers with the most significant byte first")
    func integers() {
        var hash = SHA256()
        hash.update(UInt8(0x01))
        hash.update(0x0203_0405 as UInt32)
        hash.update(0x0607_0809_0A0B_0C0D as UInt64)
        #expect(hash.finalize().bytes == SHA256.digest(Array(1...13)))
    }

    @Test("a digest's words and bytes say the same")
    func words() {
        var hash = SHA256()
        unsafe [UInt8]("abc".utf8).withUnsafeBytes { bytes in unsafe hash.update(bytes) }
        let digest = hash.finalize()
        #expect(digest.first16Bytes == (0xBA78_16BF_8F01_CFEA, 0x4141_40DE_5DAE_2223))
        #expect(digest.words.3 == 0xB410_FF61_F200_15AD)
    }
}
