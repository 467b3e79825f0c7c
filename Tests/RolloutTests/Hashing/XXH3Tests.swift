import Testing

@testable import Rollout

@Suite("XXH3")
struct XXH3Tests {
    @Test("agrees with the reference at every length", arguments: HashVectors.xxh3.lengths)
    func reference(_ vector: HashedLength) {
        #expect(hexadecimal(hash(HashVectors.data(vector.length))) == vector.hash)
    }

    @Test("agrees with the reference for texts, as a string and as bytes", arguments: HashVectors.xxh3.texts)
    func text(_ vector: HashedText) {
        #expect(hexadecimal(XXH3.hash(vector.text)) == vector.hash)
        #expect(hexadecimal(hash(Array(vector.text.utf8))) == vector.hash)
    }

    @Test("gives the published hash of no bytes, with or without an address")
    func nothing() {
        #expect(XXH3.hash("") == 0x2D06_8005_38D3_94C2)
        #expect(unsafe XXH3.hash(UnsafeRawBufferPointer(start: nil, count: 0)) == 0x2D06_8005_38D3_94C2)
    }

    @Test("does not depend on alignment", arguments: 0..<16)
    func alignment(_ offset: Int) {
        for length in Array(0...160) + [200, 240, 241, 300, 1_025, 2_100] {
            let data = HashVectors.data(length)
            // Fresh storage of just this size lets the address sanitizer see a read past either end.
            let room = UnsafeMutableRawBufferPointer.allocate(byteCount: length + offset, alignment: 64)
            defer { unsafe room.deallocate() }
            let place = unsafe UnsafeMutableRawBufferPointer(rebasing: room[offset...])
            unsafe place.copyBytes(from: data)
            #expect(unsafe XXH3.hash(UnsafeRawBufferPointer(place)) == hash(data), "length \(length)")
        }
    }

    @Test("hashes a string as its bytes, whatever its storage", arguments: 0...70)
    func storage(_ length: Int) {
        let bytes = HashVectors.data(length).map { $0 & 0x7F }
        let text = String(decoding: bytes, as: UTF8.self)
        let expected = hash(bytes)
        #expect(XXH3.hash(text) == expected)

        var roomy = ""
        roomy.reserveCapacity(200)
        roomy += text
        #expect(XXH3.hash(roomy) == expected, "in storage of its own, though short")

        let slice = ("before" + text + "after").dropFirst(6).dropLast(5)
        #expect(XXH3.hash(String(slice)) == expected, "cut from a longer one")
    }

    @Test("tells composed from decomposed text: nothing is normalised")
    func normalisation() {
        #expect("caf\u{E9}" == "cafe\u{301}")
        #expect(XXH3.hash("caf\u{E9}") != XXH3.hash("cafe\u{301}"))
    }

    private func hash(_ bytes: [UInt8]) -> UInt64 {
        unsafe bytes.withUnsafeBytes { bytes in unsafe XXH3.hash(bytes) }
    }
}
