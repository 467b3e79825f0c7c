/// One value of the text. The nodes stand in text order in one flat array, so a document of millions of values is one
/// allocation, and a value's descendants are the nodes between it and its `next`.
///
/// Offsets are 32 bits wide: a node is 24 bytes, and no text of 4 GiB or more is read.
struct JSONNode: Sendable {
    /// The offset of the value's first byte.
    let start: UInt32
    /// Of a scalar: the offset after its last byte. Of an array or object: how many children it has.
    var extent: UInt32
    /// The array or object that holds the value; the root, node 0, holds itself.
    let parent: UInt32
    /// The node after the value and all that is in it.
    var next: UInt32
    /// Of an object's member: the offset of its key's opening quotation mark. Of an array's element: its index.
    let label: UInt32
    let kind: JSONValue.Kind
    /// Whether the string value contains a backslash; one without is copied as it stands.
    let isEscaped: Bool
    /// Whether the key does.
    let isKeyEscaped: Bool
}
