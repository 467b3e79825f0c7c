import Testing

@testable import Rollout

@Suite("Decimal text")
struct DecimalTextTests {
    @Test("is the text of String, at the edges", arguments: edges)
    func unsigned(_ value: UInt64) {
        expectText(of: value)
    }

    @Test("is the text of String, signed, at the edges", arguments: edges)
    func signed(_ value: UInt64) {
        expectText(of: Int64(bitPattern: value))
        expectText(of: Int64(truncatingIfNeeded: value &>> 1))
        expectText(of: -Int64(truncatingIfNeeded: value &>> 1))
    }

    @Test("is the text of String for random integers of every length")
    func random() {
        var generator = SplitMix64(seed: 42)
        for _ in 0..<5_000 {
            let value = generator.next() &>> (generator.next() & 63)
            expectText(of: value)
            expectText(of: Int64(bitPattern: value))
        }
    }

    @Test("is right for every group of four digits, in each place", arguments: places)
    func everyGroup(_ place: UInt64) {
        let wrong = (UInt64(0)..<10_000).filter { group in
            [0, 9_000_000_000_000_000 as UInt64].contains { high in
                let value = high + group * place
                let text = unsafe DecimalText(value).withBytes { unsafe String(decoding: $0, as: UTF8.self) }
                return text != String(value)
            }
        }
        #expect(wrong.isEmpty)
    }

    private static let places: [UInt64] = [1, 10_000, 100_000_000, 1_000_000_000_000]

    private static let edges: [UInt64] = {
        var edges: [UInt64] = [0, .max, 1 << 63, (1 << 63) - 1, (1 << 63) + 1]
        var power: UInt64 = 1
        for _ in 0..<20 {
            edges += [power - 1, power, power + 1, 2 &* power, 9 &* power]
            power &*= 10
        }
        return edges
    }()

    private func expectText(of value: UInt64) {
        expect(DecimalText(value), is: String(value))
        #expect(XXH3.hash(decimal: value) == XXH3.hash(String(value)), "\(value)")
    }

    private func expectText(of value: Int64) {
        expect(DecimalText(value), is: String(value))
        #expect(XXH3.hash(decimal: value) == XXH3.hash(String(value)), "\(value)")
    }

    /// The registers and the buffer hash as the string does.
    private func expect(_ text: DecimalText, is expected: String) {
        #expect(text.count == expected.utf8.count, "\(expected)")
        #expect(unsafe text.withBytes { unsafe String(decoding: $0, as: UTF8.self) } == expected)
        #expect(XXH3.hash(text) == XXH3.hash(expected), "\(expected)")
        #expect(unsafe text.withBytes { unsafe XXH3.hash($0) } == XXH3.hash(expected), "\(expected)")
    }
}
