/// Total and pure, as all of the engine: whatever the words say, there is an answer, and no index leaves the image.
extension StatedFunction {
    /// What the function makes of a unit.
    struct Result {
        /// The hash as a number of ``width`` bits, or with one more value if it is signed.
        let number: HashNumber
        /// Which of the buckets that is.
        let cell: UInt64
        /// The bucket, 0 ... 1,000,000. The last one belongs to nobody.
        let bucket: UInt64
    }

    /// The bucket of a unit, 0 ... 999,999, or nil if it has none.
    @inline(__always)
    func bucket(of unit: UnsafeRawBufferPointer) -> UInt64? {
        guard let bucket = unsafe result(for: unit)?.bucket, bucket < UInt64(Share.bucketCount) else { return nil }
        return bucket
    }

    /// What the function makes of a unit, or nil if the unit would have to be an integer, and is none.
    @inline(__always)
    func result(for unit: UnsafeRawBufferPointer) -> Result? {
        let parameters = image[start]
        let second = image[start &+ 1]
        // Not 0, even in a torn image, so that it can divide.
        let buckets = max(second &>> 32, 1)
        let code = Code(rawValue: UInt8(truncatingIfNeeded: parameters)) ?? .murmur3
        if code == .integer {
            guard let remainder = unsafe IntegerUnit(unit)?.remainder(dividingBy: buckets) else { return nil }
            return result(HashNumber(high: 0, low: remainder, width: 64), cell: remainder, of: buckets)
        }
        let number = unsafe number(for: unit, code, parameters, seed: UInt32(truncatingIfNeeded: second))
        let isScaled = parameters & 1 << 17 != 0
        return result(
            number,
            cell: isScaled ? number.scaled(to: buckets) : number.remainder(dividingBy: buckets),
            of: buckets
        )
    }

    @inline(__always)
    private func result(_ number: HashNumber, cell: UInt64, of buckets: UInt64) -> Result {
        Result(number: number, cell: cell, bucket: cell &* UInt64(Share.bucketCount) / buckets)
    }

    /// The hash of a unit as a number.
    @inline(__always)
    private func number(
        for unit: UnsafeRawBufferPointer,
        _ code: Code,
        _ parameters: UInt64,
        seed: UInt32
    ) -> HashNumber {
        let width = Int(truncatingIfNeeded: parameters &>> 24 & 0xFF)
        let hash: UInt32
        switch code {
        case .murmur3: hash = unsafe value(of: Murmur3(seed: seed), unit, parameters)
        case .murmur2:
            hash = unsafe value(of: Murmur2(seed: seed, count: count(with: unit, parameters)), unit, parameters)
        case .crc32: hash = unsafe value(of: CRC32(), unit, parameters)
        case .fnv1a: hash = unsafe unitValue(of: FNV1a(), unit, parameters)
        case .fnv1aTwice: hash = unsafe FNV1a.value(ofDecimal: unitValue(of: FNV1a(), unit, parameters))
        case .java31: hash = unsafe unitValue(of: Java31(), unit, parameters) ^ seed
        case .md5: return unsafe HashNumber(value(of: MD5(), unit, parameters), width: width)
        case .sha1: return unsafe HashNumber(value(of: SHA1(), unit, parameters), width: width)
        case .sha256, .integer:
            return unsafe HashNumber(value(of: SHA256.State.initial, unit, parameters), width: width)
        }
        let isSigned = parameters & 1 << 16 != 0
        let number = isSigned ? Int32(bitPattern: hash).magnitude : hash
        return HashNumber(high: 0, low: UInt64(number), width: width)
    }
}

// MARK: What is hashed

extension StatedFunction {
    @inline(__always)
    private func form(_ parameters: UInt64) -> Form {
        Form(rawValue: UInt8(truncatingIfNeeded: parameters &>> 8)) ?? .bytes
    }

    @inline(__always)
    private func prefixLength(_ parameters: UInt64) -> Int {
        Int(truncatingIfNeeded: parameters &>> 32 & Self.lengthMask)
    }

    @inline(__always)
    private func suffixLength(_ parameters: UInt64) -> Int {
        Int(truncatingIfNeeded: parameters &>> 48 & Self.lengthMask)
    }

    /// A text has at most 1,024 bytes, and a few more with its head. In a torn image the bits above may be set: without the mask a
    /// request could hash 128 KB before the words are rejected.
    private static var lengthMask: UInt64 { 0x7FF }

    /// How many bytes are hashed.
    @inline(__always)
    private func count(with unit: UnsafeRawBufferPointer, _ parameters: UInt64) -> Int {
        let text = prefixLength(parameters) &+ unit.count &+ suffixLength(parameters)
        switch form(parameters) {
        case .bytes, .utf16, .utf32: return text
        case .textString: return text &+ CBORHead(length: text).count
        case .unitString: return text &+ CBORHead(length: unit.count).count
        }
    }

    /// The most bytes of a message that are put together on the stack.
    private static var shortCount: Int { 184 }

    /// The hash of bytes. A message of common length is put together, and then hashed in one go.
    @inline(never)
    private func value<Hash: BlockHash>(
        of hash: Hash,
        _ unit: UnsafeRawBufferPointer,
        _ parameters: UInt64
    ) -> Hash.Value {
        if parameters & Self.partsMask == 0 { return unsafe hash.value(of: unit) }
        guard unsafe count(with: unit, parameters) <= Self.shortCount else {
            return unsafe value(ofLong: unit, hash, parameters)
        }
        // A local function, because a closure cannot ask to be inlined.
        @inline(__always)
        func shortValue(_ space: UnsafeMutableRawBufferPointer) -> Hash.Value {
            var message = unsafe StackMessage(space)
            unsafe add(unit, parameters, to: &message)
            return unsafe hash.value(of: message.bytes)
        }
        // One word more than the message may have, because words are written whole.
        return unsafe withUnsafeTemporaryAllocation(byteCount: Self.shortCount + 8, alignment: 8, shortValue)
    }

    /// The form and both lengths: all 0 if the unit alone is hashed.
    private static var partsMask: UInt64 { 0xFFFF_FFFF_0000_FF00 }

    /// The hash of a message of any length, in pieces.
    @inline(never)
    private func value<Hash: BlockHash>(
        ofLong unit: UnsafeRawBufferPointer,
        _ hash: Hash,
        _ parameters: UInt64
    ) -> Hash.Value {
        var feed = BlockFeed(hash)
        unsafe add(unit, parameters, to: &feed)
        return feed.end()
    }

    /// Puts a message together.
    @inline(__always)
    private func add(_ unit: UnsafeRawBufferPointer, _ parameters: UInt64, to message: inout some MessagePieces) {
        let (prefix, suffix) = (prefixLength(parameters), suffixLength(parameters))
        let form = form(parameters)
        let text = start &+ Self.textOffset
        if form == .textString { CBORHead(length: prefix &+ unit.count &+ suffix).append(to: &message) }
        append(prefix, at: text, to: &message)
        if form == .unitString { CBORHead(length: unit.count).append(to: &message) }
        unsafe message.append(unit)
        append(suffix, at: text &+ (prefix &+ 7) / 8, to: &message)
    }

    @inline(__always)
    private func append(_ count: Int, at offset: Int, to message: inout some MessagePieces) {
        var (left, offset) = (count, offset)
        while left > 0 {
            message.append(image[offset], count: min(left, 8))
            left &-= 8
            offset &+= 1
        }
    }

    /// The hash of bytes or code units.
    @inline(never)
    private func unitValue<Hash: CodeUnitHash>(
        of hash: Hash,
        _ unit: UnsafeRawBufferPointer,
        _ parameters: UInt64
    ) -> UInt32 {
        let form = form(parameters)
        guard form == .utf16 || form == .utf32 else { return unsafe value(of: hash, unit, parameters) }
        var hash = hash
        let (prefix, suffix) = (prefixLength(parameters), suffixLength(parameters))
        let text = start &+ Self.textOffset
        add(prefix, at: text, to: &hash)
        unsafe hash.add(codeUnitsOf: unit, asUTF16: form == .utf16)
        add(suffix, at: text &+ (prefix &+ 1) / 2, to: &hash)
        return hash.value
    }

    @inline(__always)
    private func add(_ count: Int, at offset: Int, to hash: inout some CodeUnitHash) {
        for index in 0..<count {
            let word = image[offset &+ index / 2]
            hash.add(UInt32(truncatingIfNeeded: index & 1 == 0 ? word : word &>> 32))
        }
    }
}

/// A message that is put together on the stack.
///
/// **Claim:** no write leaves the space. Because
/// 1. `StatedFunction` counts the bytes first, by the same copy of the word that says how long each piece is,
/// 2. every write is a word at an offset below that count, and the space goes on for eight bytes beyond the highest count.
/// A debug build checks each write against the space.
@safe private struct StackMessage: MessagePieces {
    private let space: UnsafeMutableRawBufferPointer
    private var count = 0

    @inline(__always)
    init(_ space: UnsafeMutableRawBufferPointer) { unsafe self.space = space }

    var bytes: UnsafeRawBufferPointer {
        @inline(__always) get { unsafe UnsafeRawBufferPointer(rebasing: space[..<count]) }
    }

    @inline(__always)
    mutating func append(_ word: UInt64, count added: Int) {
        unsafe space.storeBytes(of: word.littleEndian, toByteOffset: count, as: UInt64.self)
        count &+= added
    }

    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var place = 0
        while bytes.count &- place >= 8 {
            unsafe append(bytes.word64(at: place), count: 8)
            place &+= 8
        }
        if place < bytes.count { unsafe append(bytes.rest(from: place), count: bytes.count &- place) }
    }
}

// MARK: What becomes of the number

/// A number of up to 128 bits that a hash gave.
struct HashNumber: Hashable {
    let high: UInt64
    let low: UInt64
    /// How many bits it has. A signed number can be 2 to this power.
    let width: Int

    @inline(__always)
    init(high: UInt64, low: UInt64, width: Int) {
        (self.high, self.low, self.width) = (high, low, width)
    }

    /// The first bits of a digest.
    @inline(__always)
    init(_ bits: LeadingBits, width: Int) {
        // By 128 bits a shift leaves nothing, and so it does in a torn image by more.
        let distance = 128 &- width
        self.init(
            high: bits.high >> distance,
            low: distance < 64 ? bits.low >> distance | bits.high << (64 &- distance) : bits.high >> (distance &- 64),
            width: width
        )
    }

    /// The remainder of a division. The divisor is not 0.
    @inline(__always)
    func remainder(dividingBy divisor: UInt64) -> UInt64 {
        if high == 0 { return low % divisor }
        // The quotient has 64 bits, because what stands in its upper half is a remainder.
        return divisor.dividingFullWidth((high % divisor, low)).remainder
    }

    /// The integer part of number * count / 2^width.
    @inline(__always)
    func scaled(to count: UInt64) -> UInt64 {
        let lower = low.multipliedFullWidth(by: count)
        let upper = high.multipliedFullWidth(by: count)
        let (middle, carry) = upper.low.addingReportingOverflow(lower.high)
        let top = upper.high &+ (carry ? 1 : 0)
        if width <= 64 { return lower.low >> width | middle << (64 &- width) }
        return middle >> (width &- 64) | top << (128 &- width)
    }
}

/// A unit that is the decimal text of an integer of 64 bits, as `String` spells it: no sign but a minus, no zeros before it.
struct IntegerUnit {
    private let isNegative: Bool
    private let magnitude: UInt64

    init?(_ text: UnsafeRawBufferPointer) {
        guard 1...20 ~= text.count else { return nil }
        isNegative = unsafe text[0] == UInt8(ascii: "-")
        let start = isNegative ? 1 : 0
        guard start < text.count else { return nil }
        // "0" is the only text that begins with a zero, and "-0" is none.
        if unsafe text[start] == UInt8(ascii: "0"), text.count > 1 { return nil }
        var magnitude: UInt64 = 0
        for place in start..<text.count {
            let digit = unsafe text[place] &- UInt8(ascii: "0")
            let (tenfold, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tenfold.addingReportingOverflow(UInt64(digit))
            guard digit < 10, !overflow, !carry else { return nil }
            magnitude = sum
        }
        if isNegative, magnitude > 1 << 63 { return nil }
        self.magnitude = magnitude
    }

    /// The remainder of a division, never negative. The divisor is not 0.
    func remainder(dividingBy divisor: UInt64) -> UInt64 {
        let remainder = magnitude % divisor
        return isNegative && remainder > 0 ? divisor &- remainder : remainder
    }
}
