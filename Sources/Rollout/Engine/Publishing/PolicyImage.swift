public import Synchronization

/// A compiled policy as the machine reads it: 2^n atomic words, all loads relaxed.
///
/// The words may change while they are read. `SnapshotCell` then rejects what was made of them, but only afterwards, so
/// nothing about their content is taken for granted.
///
/// **Claim:** no read leaves the image, whatever the words say. Because
/// 1. a record's place comes from the ordinal of a seat, and every image that a handle meets has room for its seat
///    (`SnapshotCell`, claim 3),
/// 2. every other index comes from a word, and goes through ``subscript(_:)``, which masks it.
/// Without the mask a torn offset would read memory that is not the image's, before anyone could reject it.
///
/// The size of a table comes from a word as well. So a search takes no more steps than `mask`, which does not.
@usableFromInline
@safe struct PolicyImage {
    @usableFromInline let words: UnsafePointer<Atomic<UInt64>>
    /// log2 of the number of words. The mask is not kept, because most decisions need none.
    @usableFromInline let exponent: Int

    @inlinable
    @inline(__always)
    init(words: UnsafePointer<Atomic<UInt64>>, exponent: Int) {
        unsafe self.words = unsafe words
        self.exponent = exponent
    }

    /// One less than the number of words.
    @inlinable
    @inline(__always)
    var mask: Int { 1 &<< exponent &- 1 }

    /// A word at an offset that another word gave.
    @inlinable
    @inline(__always)
    subscript(offset: Int) -> UInt64 { unsafe words[offset & mask].load(ordering: .relaxed) }

    /// A word of a record, or of an ``EnrolmentGate``, that starts at a byte: `index` is below its size.
    @inlinable
    @inline(__always)
    func word(_ index: Int, from start: Int) -> UInt64 {
        let record = unsafe UnsafeRawPointer(words) + start
        return unsafe (record.assumingMemoryBound(to: Atomic<UInt64>.self) + index).pointee.load(ordering: .relaxed)
    }
}
