import Testing

@testable import Rollout

@Suite("JSON properties")
struct JSONPropertyTests {
    @Test("A random tree survives being written, read and written again", arguments: 0..<8 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<100 {
            let written = JSONTree.random(depth: 5, using: &generator).canonicalBytes
            let document = try JSONDocument(parsing: written)
            #expect(document.duplicates.isEmpty)
            #expect(JSONTree(document.root).canonicalBytes == written)
        }
    }

    @Test("Every value of a random document is found again by its path", arguments: 0..<4 as Range<UInt64>)
    func paths(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<25 {
            let document = try JSONDocument(parsing: JSONTree.random(depth: 4, using: &generator).canonicalBytes)
            var locator = PolicyLocator(document)
            var values = [document.root]
            while let value = values.popLast() {
                let found = locator.value(at: value.path)
                #expect(found.position == value.position)
                #expect(found.path == value.path)
                values.append(contentsOf: value.elements)
                for (key, member) in value.members {
                    #expect(value[key]?.position == member.position)
                    values.append(member)
                }
            }
        }
    }

    @Test("A damaged document is read or refused inside its text, and never traps", arguments: 0..<8 as Range<UInt64>)
    func mutations(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let likely =
            Array(#"{}[]:,"\u0123456789abdeflnrst.-+ "#.utf8) + [0x00, 0x0A, 0x7F, 0x80, 0xC3, 0xED, 0xF4, 0xFF]
        for _ in 0..<300 {
            var bytes = JSONTree.random(depth: 3, using: &generator).canonicalBytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let offset = Int.random(in: 0...bytes.count, using: &generator)
                let byte = likely[Int.random(in: 0..<likely.count, using: &generator)]
                switch Int.random(in: 0..<3, using: &generator) {
                case 0 where offset < bytes.count: bytes[offset] = byte
                case 1 where offset < bytes.count: bytes.remove(at: offset)
                default: bytes.insert(byte, at: offset)
                }
            }
            check(bytes)
        }
    }

    private func check(_ bytes: [UInt8]) {
        do throws(JSONError) {
            let document = try JSONDocument(parsing: bytes)
            let written = JSONTree(document.root).canonicalBytes
            let again = try JSONDocument(parsing: written)
            #expect(again.duplicates.count == document.duplicates.count)
            #expect(JSONTree(again.root).canonicalBytes == written)
        } catch {
            #expect(0...bytes.count ~= error.offset)
            let before = String(decoding: bytes[..<error.offset], as: UTF8.self)
            #expect(error.position.column <= before.unicodeScalars.count + 1, "everything before the error is UTF-8")
        }
    }
}
