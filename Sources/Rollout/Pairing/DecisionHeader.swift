/// What a decision header says about one rollout.
struct DecisionMember {
    /// The bytes of the variant's name in the header.
    let variant: Range<Int>
    let epoch: UInt32
    let revision: UInt32
    /// Unix seconds.
    let issued: UInt32
    let key: UInt8
    /// Whether the tag was made for the request's unit.
    let isBoundToUnit: Bool
    let tag: AuthenticationTag

    /// What a header holds for a rollout.
    enum Search {
        case found(DecisionMember)
        case taint(DecisionTaint)
    }
}

/// The parameters of a member, as they come.
private struct Parameters {
    var variant: Range<Int>?
    var epoch: UInt32?
    var revision: UInt32?
    var issued: UInt32?
    var key: UInt8?
    var isBoundToUnit: Bool?
    var tag: AuthenticationTag?

    /// The member, or nil if a parameter is missing. Without `u` there is no unit.
    var member: DecisionMember? {
        guard let variant, let epoch, let revision, let issued, let key, let tag else { return nil }
        return DecisionMember(
            variant: variant,
            epoch: epoch,
            revision: revision,
            issued: issued,
            key: key,
            isBoundToUnit: isBoundToUnit ?? false,
            tag: tag
        )
    }
}

extension StructuredFieldCursor {
    /// The member of a rollout in the list.
    ///
    /// The whole list must be well formed, as the standard demands: a proxy that cut it may have cut anything. The members of
    /// other rollouts may have any parameters of the types that the contract uses. The member of this rollout has exactly
    /// the contract's parameters, each once.
    mutating func member(of rollout: UnsafeRawBufferPointer) -> DecisionMember.Search {
        skipSpaces()
        if isAtEnd { return .taint(.missing) }
        var search = DecisionMember.Search.taint(.missing)
        while true {
            guard case .string(let name) = item() else { return .taint(.malformed) }
            if unsafe self[name].elementsEqual(rollout) {
                guard let member = ownParameters()?.member else { return .taint(.malformed) }
                if case .taint(.missing) = search { search = .found(member) } else { search = .taint(.duplicate) }
            } else if !otherParameters() {
                return .taint(.malformed)
            }
            let end = position
            skipOptionalWhitespace()
            if isAtEnd { return hasOnlySpaces(from: end) ? search : .taint(.malformed) }
            guard skip(",") else { return .taint(.malformed) }
            skipOptionalWhitespace()
        }
    }

    /// Whether only spaces follow: a field may end in spaces, but not in tabs.
    private func hasOnlySpaces(from start: Int) -> Bool {
        unsafe self[start..<position].allSatisfy { $0 == UInt8(ascii: " ") }
    }

    private mutating func otherParameters() -> Bool {
        while skip(";") {
            guard parameter() != nil else { return false }
        }
        return true
    }

    private mutating func ownParameters() -> Parameters? {
        var parameters = Parameters()
        while skip(";") {
            guard let (key, value) = parameter(), key.count == 1,
                set(unsafe self[key][0], value, in: &parameters)
            else { return nil }
        }
        return parameters
    }

    /// A key with its value; one without a value is true.
    private mutating func parameter() -> (key: Range<Int>, value: Item)? {
        skipSpaces()
        guard let key = key() else { return nil }
        guard skip("=") else { return (key, .boolean(true)) }
        return item().map { (key, $0) }
    }

    /// Sets a parameter; false if it is unknown, not of the contract's type, or set already.
    private func set(_ key: UInt8, _ value: Item, in parameters: inout Parameters) -> Bool {
        switch (key, value) {
        case (UInt8(ascii: "v"), .string(let name)): Self.set(&parameters.variant, name)
        case (UInt8(ascii: "e"), .integer(let epoch)): Self.set(&parameters.epoch, UInt32(exactly: epoch))
        case (UInt8(ascii: "r"), .integer(let revision)): Self.set(&parameters.revision, UInt32(exactly: revision))
        case (UInt8(ascii: "i"), .integer(let issued)): Self.set(&parameters.issued, UInt32(exactly: issued))
        case (UInt8(ascii: "k"), .integer(let key)): Self.set(&parameters.key, UInt8(exactly: key))
        case (UInt8(ascii: "u"), .boolean(let isBound)): Self.set(&parameters.isBoundToUnit, isBound)
        case (UInt8(ascii: "t"), .bytes(let text)): Self.set(&parameters.tag, tag(text))
        default: false
        }
    }

    private static func set<Value>(_ place: inout Value?, _ value: Value?) -> Bool {
        guard place == nil, let value else { return false }
        place = value
        return true
    }

    /// Exactly 16 bytes.
    private func tag(_ text: Range<Int>) -> AuthenticationTag? {
        guard text.count == 24, let bytes = unsafe Base64.standard.decode(self[text]), bytes.count == 16
        else { return nil }
        return AuthenticationTag(bytes)
    }
}

/// Reads the parts of a structured field (RFC 9651) that a decision header is made of: strings, integers, booleans and
/// byte sequences, with keys in front of them. If a part is missing or of another kind, reading it gives nil.
///
/// Any bytes are a field. Reading never goes back, looks one byte ahead at most, and allocates nothing. Safe, because it is
/// only made inside the closure that lends the memory.
@safe struct StructuredFieldCursor {
    /// A bare item. A text is the range of its bytes in the field.
    enum Item {
        case integer(Int64)
        /// The characters between the quotes, escapes as they stand.
        case string(Range<Int>)
        case boolean(Bool)
        /// The characters between the colons.
        case bytes(Range<Int>)
    }

    private let field: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ field: UnsafeRawBufferPointer) { unsafe self.field = unsafe field }

    var isAtEnd: Bool { unsafe position == field.count }

    /// The bytes of a part.
    subscript(range: Range<Int>) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: field[range])
    }

    private var next: UInt8? { isAtEnd ? nil : unsafe field[position] }

    /// Steps over a certain character; false if another one is there.
    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func skipSpaces() {
        while skip(" ") {}
    }

    /// Steps over what may stand around the comma of a list.
    mutating func skipOptionalWhitespace() {
        while skip(" ") || skip("\t") {}
    }

    /// A key: a lower-case letter or `*`, then those, digits, `_`, `-` and `.`.
    mutating func key() -> Range<Int>? {
        let start = position
        while let byte = next, Self.isKey(byte, first: position == start) { position += 1 }
        return position > start ? start..<position : nil
    }

    mutating func item() -> Item? {
        switch next {
        case UInt8(ascii: "\""): string()
        case UInt8(ascii: ":"): bytes()
        case UInt8(ascii: "?"): boolean()
        default: integer()
        }
    }

    private mutating func string() -> Item? {
        position += 1
        let start = position
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return .string(start..<(position - 1))
            case UInt8(ascii: "\\"):
                guard skip("\"") || skip("\\") else { return nil }
            case 0x20...0x7E: break
            default: return nil
            }
        }
        return nil
    }

    private mutating func bytes() -> Item? {
        position += 1
        let start = position
        while let byte = next {
            position += 1
            if byte == UInt8(ascii: ":") { return .bytes(start..<(position - 1)) }
        }
        return nil
    }

    private mutating func boolean() -> Item? {
        position += 1
        if skip("1") { return .boolean(true) }
        return skip("0") ? .boolean(false) : nil
    }

    /// At most 15 digits, as in the standard.
    private mutating func integer() -> Item? {
        let isNegative = skip("-")
        let start = position
        var value: Int64 = 0
        while let byte = next, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte, position - start < 15 {
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            position += 1
        }
        return position > start ? .integer(isNegative ? -value : value) : nil
    }

    private static func isKey(_ byte: UInt8, first: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "*"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): !first
        default: false
        }
    }
}
