// A libFuzzer harness for key files. `Tests/Fuzz/run` builds and runs it.

/// Reads arbitrary bytes as a key file: that must not trap, an error must have a sentence and a line of the text, and keys that are
/// accepted must be different and sign.
func fuzzKeys(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    do throws(SigningKeyError) {
        let keys = try SigningKeys(bytes: bytes)
        precondition(!keys.ids.isEmpty && Set(keys.ids).count == keys.ids.count)
        precondition(bytes.count >= 46 * keys.ids.count, "an id, a blank and 32 bytes in base64")
    } catch {
        precondition(!error.message.isEmpty)
        let lines = bytes.count { $0 == UInt8(ascii: "\n") } + 1
        precondition(error.line.map { 1...lines ~= $0 } ?? (error.code == .noKey))
    }
    // What base64 accepts is what it writes.
    if let decoded = Base64.standard.decode(bytes) {
        precondition(Array(Base64.standard.encode(decoded).utf8) == bytes)
    }
    return 0
}
