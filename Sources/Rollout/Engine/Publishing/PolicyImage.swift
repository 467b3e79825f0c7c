public import Synchronization

/// A compiled policy as the machine reads it: 2^n atomic words, all loads relaxed.
///
/// The words may be under way while they are read (`SnapshotCell` then rejects what was made of them), so nothing about
/// their content is taken for granted.
///
/// **Claim:** no read leaves the image, whatever the words say. Because
/// 1. a record's place comes from its ordinal, and every image a handle meets has room for the ordinal (`SnapshotCell`),
/// 2. every other index comes from a word, and goes through ``subscript(_:)``, which masks it.
/// Without the mask a torn offset would read memory that is not ours, before anyone could reject it.
///
/// A table's size comes from a word too, so whoever walks a table takes no more of it than `mask`: it then ends
/// within the image, whose size does not come from a word.
@usableFromInline
@safe struct PolicyImage {
    @usableFromInline let words: UnsafePointer<Atomic<UInt64>>
    /// log2 of the number of words. Kept in this form, because most decisions need no mask.
    @usableFromInline let exponent: Int

    @inlinable
    @inline(__always)
    init(words: UnsafePointer<Atomic<UInt64>>, exponent: Int) {
        unsafe self.words = unsafe words
        self.exponent = exponent
    }

    /// One less than the number of words.
    @inline(__always)
    var mask: Int { 1 &<< exponent &- 1 }

    /// A word at an offset that another word gave.
    @inline(__always)
    subscript(offset: Int) -> UInt64 { unsafe words[offset & mask].load(ordering: .relaxed) }

    /// A word of a record: `index` is below ``RecordLayout/size``.
    @inlinable
    @inline(__always)
    func word(_ index: Int, ofRecordAt start: Int) -> UInt64 {
        unsafe (words + start + index).pointee.load(ordering: .relaxed)
    }
}
