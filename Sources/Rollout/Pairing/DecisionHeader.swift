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
    /// The whole list must be well formed, as the standard demands: a proxy that cut it may have cut anything. Other members
    /// may be whatever a list can hold. The member of this rollout has exactly the contract's parameters, each once.
    mutating func member(of rollout: UnsafeRawBufferPointer) -> DecisionMember.Search {
        skipSpaces()
        if isAtEnd { return .taint(.missing) }
        var search = DecisionMember.Search.taint(.missing)
        while true {
            if skip("(") {
                guard skipInnerList() else { return .taint(.malformed) }
            } else {
                guard let item = item() else { return .taint(.malformed) }
                if case .string(let name) = item, unsafe self[name].elementsEqual(rollout) {
                    guard let member = ownParameters()?.member else { return .taint(.malformed) }
                    if case .taint(.missing) = search { search = .found(member) } else { search = .taint(.duplicate) }
                } else if !skipParameters() {
                    return .taint(.malformed)
                }
            }
            skipOptionalWhitespace()
            if isAtEnd { return search }
            guard skip(",") else { return .taint(.malformed) }
            skipOptionalWhitespace()
        }
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
