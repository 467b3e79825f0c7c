// A libFuzzer harness for the JSON reader and writer. `Tests/Fuzz/run` builds and runs it.

/// Reads arbitrary bytes: that must not trap, an error must point into the text, and what is accepted must survive being
/// written and read again.
func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    do throws(JSONError) {
        let document = try JSONDocument(parsing: bytes)
        var locator = PolicyLocator(document)
        for duplicate in document.duplicates { visit(duplicate, with: &locator, isDuplicate: true) }
        visit(document.root, with: &locator, isDuplicate: !document.duplicates.isEmpty)
        if document.duplicates.isEmpty { checkRoundTrip(document) }
    } catch {
        precondition(0...count ~= error.offset)
        precondition(error.position.line >= 1 && error.position.column >= 1)
        precondition(!error.message.isEmpty)
    }
    return 0
}

private func visit(_ value: JSONValue, with locator: inout PolicyLocator, isDuplicate: Bool) {
    precondition(value.excerpt.unicodeScalars.count <= 40)
    precondition(value.position.line >= 1)
    for scale in [0, 4, -3] { _ = value.decimal(scale: scale) }
    // An integer is its own decimal at scale 0, whichever of the two ways it is read.
    if let integer = value.integer(as: Int.self) { precondition(value.decimal(scale: 0) == integer) }
    if !isDuplicate { precondition(locator.value(at: value.path).path == value.path) }
    var count = 0
    for element in value.elements {
        visit(element, with: &locator, isDuplicate: isDuplicate)
        count += 1
    }
    for (key, member) in value.members {
        precondition(value[key] != nil)
        visit(member, with: &locator, isDuplicate: isDuplicate)
        count += 1
    }
    precondition(count == value.count)
}

private func checkRoundTrip(_ document: JSONDocument) {
    let written = tree(of: document.root).canonicalBytes
    guard let again = try? JSONDocument(parsing: written) else { preconditionFailure("the writer's text is not JSON") }
    precondition(tree(of: again.root).canonicalBytes == written)
}

private func tree(of value: JSONValue) -> JSONTree {
    switch value.kind {
    case .null: .null
    case .boolean: .boolean(value.boolean ?? false)
    case .number: .number(value.numberText ?? "")
    case .string: .string(value.string ?? "")
    case .array: .array(value.elements.map(tree(of:)))
    case .object: .object(value.members.map { ($0.key, tree(of: $0.value)) })
    }
}
