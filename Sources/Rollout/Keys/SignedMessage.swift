/// A message that is signed, as pieces put one after the other.
protocol SignedMessage {
    func write(to sink: inout some MessageSink)
}

/// Where the pieces of a message go.
protocol MessageSink {
    mutating func update(_ byte: UInt8)
    mutating func update(_ word: UInt32)
    mutating func update(_ word: UInt64)
    mutating func update(_ bytes: UnsafeRawBufferPointer)
}

extension MessageSink {
    /// A text of variable length: its length first, so that no two lists of texts make one message.
    @inline(__always)
    mutating func update(counted text: UnsafeRawBufferPointer) {
        update(UInt32(truncatingIfNeeded: text.count))
        unsafe update(text)
    }

    /// The label that keeps messages of different purposes apart.
    @inline(__always)
    mutating func update(label: StaticString) {
        unsafe update(UnsafeRawBufferPointer(start: label.utf8Start, count: label.utf8CodeUnitCount))
        update(0 as UInt8)
    }
}

extension HMACSHA256.Context: MessageSink {}

/// A message in one piece, for an authenticator that takes no pieces.
struct MessageBuffer: MessageSink {
    private(set) var bytes: [UInt8] = []

    mutating func update(_ byte: UInt8) { bytes.append(byte) }

    mutating func update(_ word: UInt32) {
        for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
    }

    mutating func update(_ word: UInt64) {
        update(UInt32(truncatingIfNeeded: word >> 32))
        update(UInt32(truncatingIfNeeded: word))
    }

    mutating func update(_ piece: UnsafeRawBufferPointer) { unsafe bytes.append(contentsOf: piece) }
}
