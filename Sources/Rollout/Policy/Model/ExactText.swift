/// Text that is equal only to the same UTF-8 bytes.
///
/// `String ==` holds NFC and NFD spellings for one; a hash of their bytes, and every other system, does not.
@usableFromInline
struct ExactText: Hashable, Sendable {
    @usableFromInline let text: String

    @usableFromInline static func == (left: ExactText, right: ExactText) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    @usableFromInline func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { bytes in unsafe hasher.combine(bytes: UnsafeRawBufferPointer(bytes)) }
    }
}
