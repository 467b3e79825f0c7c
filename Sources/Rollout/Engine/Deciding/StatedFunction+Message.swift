/// What is hashed: the unit, and what stands before and after it.
extension StatedFunction {
    /// Whether the text has a form. One that is none, in a torn image, counts as bytes.
    @inline(__always)
    private func has(_ form: Form, _ parameters: UInt64) -> Bool {
        UInt8(truncatingIfNeeded: parameters &>> 8) == form.rawValue
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
    func count(with unit: UnsafeRawBufferPointer, _ parameters: UInt64) -> Int {
        let text = prefixLength(parameters) &+ unit.count &+ suffixLength(parameters)
        return hasHead(parameters) ? text &+ headCount(unit.count, text, parameters) : text
    }

    /// Whether the text is one of CBOR, which has a head.
    @inline(__always)
    private func hasHead(_ parameters: UInt64) -> Bool { has(.textString, parameters) || has(.unitString, parameters) }

    @inline(never)
    private func headCount(_ unit: Int, _ text: Int, _ parameters: UInt64) -> Int {
        CBORHead(length: has(.textString, parameters) ? text : unit).count
    }

    /// The most bytes of a message that are put together on the stack.
    private static var shortCount: Int { 184 }

    /// The digest of bytes. A message of common length is put together, and then hashed in one go.
    @inline(__always)
    func value<Hash: BlockHash>(
        of hash: Hash,
        _ unit: UnsafeRawBufferPointer,
        _ parameters: UInt64
    ) -> LeadingBits {
        if parameters & Self.partsMask == 0 { return unsafe hash.value(of: unit) }
        guard !hasHead(parameters), unsafe count(with: unit, parameters) <= Self.shortCount else {
            return unsafe value(ofLong: unit, hash, parameters)
        }
        // A local function, because a closure cannot ask to be inlined.
        @inline(__always)
        func shortValue(_ space: UnsafeMutableRawBufferPointer) -> LeadingBits {
            var message = unsafe StackMessage(space)
            unsafe add(unit, parameters, to: &message)
            return unsafe hash.value(of: message.bytes)
        }
        // One word more than the message may have, because words are written whole.
        return unsafe withUnsafeTemporaryAllocation(byteCount: Self.shortCount + 8, alignment: 8, shortValue)
    }

    /// The form and both lengths: all 0 if the unit alone is hashed.
    private static var partsMask: UInt64 { 0xFFFF_FFFF_0000_FF00 }

    /// The digest of a message of any length, in pieces.
    @inline(never)
    private func value<Hash: BlockHash>(
        ofLong unit: UnsafeRawBufferPointer,
        _ hash: Hash,
        _ parameters: UInt64
    ) -> LeadingBits {
        var feed = BlockFeed(hash)
        unsafe addWithHead(unit, parameters, to: &feed)
        return feed.end()
    }

    /// Puts a text without a head together.
    @inline(__always)
    private func add(_ unit: UnsafeRawBufferPointer, _ parameters: UInt64, to message: inout some MessagePieces) {
        let (prefix, suffix) = (prefixLength(parameters), suffixLength(parameters))
        let text = start &+ Self.textOffset
        append(prefix, at: text, to: &message)
        unsafe message.append(unit)
        append(suffix, at: text &+ (prefix &+ 7) / 8, to: &message)
    }

    /// Puts a text of CBOR together, or one without a head.
    @inline(__always)
    private func addWithHead(
        _ unit: UnsafeRawBufferPointer,
        _ parameters: UInt64,
        to message: inout some MessagePieces
    ) {
        let (prefix, suffix) = (prefixLength(parameters), suffixLength(parameters))
        let text = start &+ Self.textOffset
        if has(.textString, parameters) { CBORHead(length: prefix &+ unit.count &+ suffix).append(to: &message) }
        append(prefix, at: text, to: &message)
        if has(.unitString, parameters) { CBORHead(length: unit.count).append(to: &message) }
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

    /// The hash of bytes that need not lie in one piece.
    @inline(__always)
    func streamed<Hash: StreamedHash>(
        _ hash: Hash,
        _ unit: UnsafeRawBufferPointer,
        _ parameters: UInt64
    ) -> UInt32 {
        if hasHead(parameters) { return unsafe streamedWithHead(hash, unit, parameters) }
        var hash = hash
        unsafe add(unit, parameters, to: &hash)
        return hash.value
    }

    @inline(never)
    private func streamedWithHead<Hash: StreamedHash>(
        _ hash: Hash,
        _ unit: UnsafeRawBufferPointer,
        _ parameters: UInt64
    ) -> UInt32 {
        var hash = hash
        unsafe addWithHead(unit, parameters, to: &hash)
        return hash.value
    }

    /// The hash of bytes or code units. Nearly all ids are ASCII, whose code units are their bytes.
    @inline(__always)
    func unitValue<Hash: CodeUnitHash>(
        of hash: Hash,
        _ unit: UnsafeRawBufferPointer,
        _ parameters: UInt64
    ) -> UInt32 {
        if hasCodeUnits(parameters), hasNoText(parameters), unsafe unit.isASCII {
            return unsafe hash.appending(unit).value
        }
        return unsafe otherUnitValue(of: hash, unit, parameters)
    }

    @inline(never)
    private func otherUnitValue<Hash: CodeUnitHash>(
        of hash: Hash,
        _ unit: UnsafeRawBufferPointer,
        _ parameters: UInt64
    ) -> UInt32 {
        guard hasCodeUnits(parameters) else { return unsafe streamed(hash, unit, parameters) }
        var hash = hash
        let (prefix, suffix) = (prefixLength(parameters), suffixLength(parameters))
        let text = start &+ Self.textOffset
        add(prefix, at: text, to: &hash)
        if unsafe unit.isASCII {
            unsafe hash.append(unit)
        } else {
            unsafe hash.add(scalarsOf: unit, asUTF16: has(.utf16, parameters))
        }
        add(suffix, at: text &+ (prefix &+ 1) / 2, to: &hash)
        return hash.value
    }

    @inline(__always)
    private func hasCodeUnits(_ parameters: UInt64) -> Bool { has(.utf16, parameters) || has(.utf32, parameters) }

    /// Whether nothing stands before or after the unit.
    @inline(__always)
    private func hasNoText(_ parameters: UInt64) -> Bool { parameters &>> 32 == 0 }

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
