import Testing

@testable import Rollout

@Suite("HMAC-SHA256")
struct HMACSHA256Tests {
    @Test("gives the tags of RFC 4231", arguments: PublishedTag.all)
    func published(_ vector: PublishedTag) {
        #expect(hexadecimal(tag(vector.key, vector.message)).hasPrefix(vector.tag))
    }

    @Test("agrees with Python's hmac for 2,000 random keys and messages")
    func random() {
        let tags = (0..<2_000).map { number in
            let (key, message) = HashVectors.pair(number)
            return tag(key, message)
        }
        let starts = HashVectors.hmac.starts.joined()
        for (number, tag) in tags.enumerated() {
            let start = starts.dropFirst(8 * number).prefix(8)
            #expect(hexadecimal(tag.prefix(4)) == start, "pair \(number)")
        }
        #expect(hexadecimal(SHA256.digest(tags.flatMap(\.self))) == HashVectors.hmac.digestOfTags)
    }

    @Test("does not depend on where the pieces are cut, and keeps its key for the next message")
    func streaming() {
        let key = HMACSHA256(key: HashVectors.data(32))
        let message: [UInt8] = [7] + [1, 2, 3, 4] + Array("alice".utf8) + [9, 8, 7, 6, 5, 4, 3, 2]
        for _ in 0..<2 {
            var context = key.begin()
            context.update(7 as UInt8)
            context.update(0x0102_0304 as UInt32)
            unsafe "alice".withUnitBytes { bytes in unsafe context.update(bytes) }
            context.update(0x0908_0706_0504_0302 as UInt64)
            #expect(context.finalize().bytes == tag(HashVectors.data(32), message))
        }
    }

    @Test("finds each single bit that differs in 16 bytes", arguments: 0..<64)
    func comparison(_ bit: UInt64) {
        let tag: (UInt64, UInt64) = (0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210)
        #expect(HMACSHA256.isEqual16(tag, tag))
        #expect(!HMACSHA256.isEqual16(tag, (tag.0 ^ 1 << bit, tag.1)))
        #expect(!HMACSHA256.isEqual16(tag, (tag.0, tag.1 ^ 1 << bit)))
        #expect(!HMACSHA256.isEqual16(tag, (tag.0 ^ 1 << bit, tag.1 ^ 1 << bit)), "equal differences do not cancel")
    }

    private func tag(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        let key = HMACSHA256(key: key)
        return unsafe message.withUnsafeBytes { message in unsafe key.tag(of: message) }.bytes
    }
}

/// A case of RFC 4231; the fifth gives only its tag's first 16 bytes.
struct PublishedTag: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let key: [UInt8]
    let message: [UInt8]
    let tag: String

    static let all = [
        PublishedTag(
            testDescription: "1",
            key: [UInt8](repeating: 0x0B, count: 20),
            message: Array("Hi There".utf8),
            tag: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        PublishedTag(
            testDescription: "2: a key shorter than the digest",
            key: Array("Jefe".utf8),
            message: Array("what do ya want for nothing?".utf8),
            tag: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        PublishedTag(
            testDescription: "3: key and message over 64 bytes together",
            key: [UInt8](repeating: 0xAA, count: 20),
            message: [UInt8](repeating: 0xDD, count: 50),
            tag: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        PublishedTag(
            testDescription: "4",
            key: Array(1...25),
            message: [UInt8](repeating: 0xCD, count: 50),
            tag: "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        ),
        PublishedTag(
            testDescription: "5: a truncated tag",
            key: [UInt8](repeating: 0x0C, count: 20),
            message: Array("Test With Truncation".utf8),
            tag: "a3b6167473100ee06e0c796c2955552b"
        ),
        PublishedTag(
            testDescription: "6: a key over 64 bytes",
            key: [UInt8](repeating: 0xAA, count: 131),
            message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            tag: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        PublishedTag(
            testDescription: "7: a key and a message over 64 bytes",
            key: [UInt8](repeating: 0xAA, count: 131),
            message: Array(
                ("This is a test using a larger than block-size key and a larger than block-size data. "
                    + "The key needs to be hashed before being used by the HMAC algorithm.").utf8
            ),
            tag: "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        ),
    ]
}
