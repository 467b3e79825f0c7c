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
            [0, 9_000_000_000_000_000].contains { high in
                string(of: high + group * place) != String(high + group * place)
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

    private func expectText(of value: some FixedWidthInteger) {
        let text = String(value)
        #expect(string(of: value) == text)
        // The hash of the registers, of the buffer and of the string are one.
        let expected = XXH3.hash(text)
        if let value = value as? UInt64 {
            #expect(XXH3.hash(DecimalText(value)) == expected, "\(value)")
            #expect(unsafe DecimalText.withDecimalBytes(value) { unsafe XXH3.hash($0) } == expected, "\(value)")
        } else if let value = value as? Int64 {
            #expect(XXH3.hash(DecimalText(value)) == expected, "\(value)")
            #expect(unsafe DecimalText.withDecimalBytes(value) { unsafe XXH3.hash($0) } == expected, "\(value)")
        }
    }

    private func string(of value: some FixedWidthInteger) -> String {
        if let value = value as? Int64 {
            return unsafe DecimalText.withDecimalBytes(value) { bytes in unsafe String(decoding: bytes, as: UTF8.self) }
        }
        return unsafe DecimalText.withDecimalBytes(UInt64(value)) { bytes in
            unsafe String(decoding: bytes, as: UTF8.self)
        }
    }
}
