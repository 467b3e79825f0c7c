import Synchronization

// A libFuzzer harness for stated bucketings: the text template, and words that are torn. `Tests/Fuzz/run` builds and runs it.

/// Reads arbitrary bytes as a bucketing and a unit: what a policy accepts must draw a bucket, which does not depend on how the text
/// is cut into prefix, unit and suffix; and words that say anything must not trap.
func fuzzBucketing(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard bytes.count > 8 else { return 0 }
    func pick<Value>(_ values: [Value], _ place: Int) -> Value { values[Int(bytes[place]) % values.count] }
    let parts = bytes[8...].split(separator: 0xFF, maxSplits: 1, omittingEmptySubsequences: false)
    let unit = Array(parts.last ?? [])
    let bucketing = Bucketing(
        pick(Bucketing.Hash.allCases, 0),
        of: String(decoding: parts[0], as: UTF8.self),
        encoding: pick(Bucketing.Encoding.allCases, 1),
        seed: bytes[2] < 128 ? 0 : UInt32(bytes[2]) << 24,
        bits: bytes[3] < 128 ? 64 : Int(bytes[3]),
        isSigned: bytes[4] & 1 != 0,
        buckets: bytes[5] & 1 != 0 ? nil : Int(bytes[6]) << Int(bytes[7] & 15),
        reduction: bytes[4] & 2 != 0 ? .scale : .remainder
    )
    var validator = PolicyValidator()
    validator.check(bucketing, at: "bucketing")
    guard validator.problems.all.isEmpty else { return 0 }

    let result = drawn(unit, by: bucketing)
    precondition(result.map { $0.bucket <= 1_000_000 } ?? (bucketing.hash == .integer))
    // The same text, all of it taken for the unit. A CBOR pair says where the unit begins.
    if bucketing.hash != .integer, bucketing.encoding != .cborPair {
        var whole = bucketing
        whole.text = Bucketing.unitAlone
        let (prefix, suffix) = bucketing.parts
        let text = Array(prefix.utf8) + unit + Array(suffix.utf8)
        precondition(drawn(text, by: whole)?.bucket == result?.bucket)
    }
    // Words of which some are of another policy.
    var words: [UInt64] = []
    let offset = StatedFunction.append(bucketing, to: &words)
    for (index, byte) in bytes.enumerated() { words[index % words.count] ^= UInt64(byte) << UInt64(index % 8 * 8) }
    _ = withImage(of: words) { image in
        unsafe unit.withUnsafeBytes { unit in
            unsafe StatedFunction(image: image, start: offset).result(for: unit)?.bucket
        }
    }
    return 0
}

private func drawn(_ unit: [UInt8], by bucketing: Bucketing) -> StatedFunction.Result? {
    var words: [UInt64] = []
    let start = StatedFunction.append(bucketing, to: &words)
    return withImage(of: words) { image in
        unsafe unit.withUnsafeBytes { unit in unsafe StatedFunction(image: image, start: start).result(for: unit) }
    }
}

/// Lends an image of exactly these words, and zeros up to a power of two.
private func withImage<Answer>(of words: [UInt64], _ body: (PolicyImage) -> Answer) -> Answer {
    let exponent = Int.bitWidth - (words.count - 1).leadingZeroBitCount
    let memory = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: 1 << exponent)
    defer { unsafe memory.deallocate() }
    for index in 0..<(1 << exponent) {
        unsafe (memory + index).initialize(to: Atomic(index < words.count ? words[index] : 0))
    }
    return body(unsafe PolicyImage(words: memory, exponent: exponent))
}
