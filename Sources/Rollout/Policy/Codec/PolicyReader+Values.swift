extension PolicyReader {
    /// Whether the value is an object. Keys that it may not have are reported, with the one that was probably meant.
    mutating func checkObject(_ value: JSONValue, keys: [String]) -> Bool {
        guard checkKind(value, .object) else { return false }
        for (key, member) in value.members where !keys.contains(where: { $0.utf8.elementsEqual(key.utf8) }) {
            if problems.isFull { break }
            let hint =
                nearest(to: key, among: keys).map { "did you mean \"\($0)\"?" } ?? "expected \(alternatives(keys))"
            report(.unknownKey, at: member, "unknown key; \(hint)", atKey: true)
        }
        return true
    }

    mutating func checkKind(_ value: JSONValue, _ kind: JSONValue.Kind) -> Bool {
        guard value.kind != kind else { return true }
        report(.wrongType, at: value, "expected \(kind.withArticle), found \(value.excerpt)")
        return false
    }

    mutating func required(_ key: String, of object: JSONValue) -> JSONValue? {
        if let value = object[key] { return value }
        report(.missing, at: object, "\"\(key)\" is missing")
        return nil
    }

    mutating func text(_ value: JSONValue) -> String? {
        checkKind(value, .string) ? value.string : nil
    }

    mutating func boolean(_ value: JSONValue) -> Bool? {
        checkKind(value, .boolean) ? value.boolean : nil
    }

    mutating func integer(_ value: JSONValue, in range: ClosedRange<Int>) -> Int? {
        guard checkKind(value, .number) else { return nil }
        if let integer = value.integer(as: Int.self), range.contains(integer) { return integer }
        report(.outOfRange, at: value, "expected an integer in \(spelled(range)), found \(value.excerpt)")
        return nil
    }

    /// A percentage, read exactly: the number of buckets is the number times 10^4.
    mutating func share(_ value: JSONValue) -> Share? {
        guard checkKind(value, .number) else { return nil }
        if let buckets = value.decimal(scale: 4), let share = Share(buckets: buckets) { return share }
        report(
            .outOfRange,
            at: value,
            "expected a percentage in 0 ... 100, a multiple of 0.0001, found \(value.excerpt)"
        )
        return nil
    }

    /// One of the words of an enumeration.
    mutating func choice<Word: RawRepresentable<String> & CaseIterable>(_ value: JSONValue, _: Word.Type) -> Word? {
        guard let text = text(value) else { return nil }
        // By bytes, like all names: `RawRepresentable` compares by `String ==`.
        if let word = Word.allCases.first(where: { $0.rawValue.utf8.elementsEqual(text.utf8) }) { return word }
        let words = alternatives(Word.allCases.map(\.rawValue))
        report(.unknownValue, at: value, "expected \(words), found \(value.excerpt)")
        return nil
    }

    /// A name that is a value.
    mutating func name<Name: PolicyName>(_ value: JSONValue) -> Name? {
        guard let text = text(value) else { return nil }
        if let name = Name(text) { return name }
        report(.badName, at: value, "expected a name, \(Self.nameForm), found \(value.excerpt)")
        return nil
    }

    /// A name that is the key of a value.
    mutating func name<Name: PolicyName>(_ key: String, at value: JSONValue) -> Name? {
        if let name = Name(key) { return name }
        report(.badName, at: value, "expected a name as key, \(Self.nameForm), found \(quoted(key))", atKey: true)
        return nil
    }

    private static let nameForm = "1 ... 64 of the characters A-Z a-z 0-9 . _ -"

    /// Different variants in a list.
    mutating func names(_ value: JSONValue) -> Set<VariantName> {
        guard checkKind(value, .array) else { return [] }
        var names: Set<VariantName> = []
        for element in value.elements {
            guard let name: VariantName = name(element) else { continue }
            if !names.insert(name).inserted { report(.duplicateVariant, at: element, "\"\(name)\" is listed before") }
        }
        return names
    }

    mutating func release(_ value: JSONValue) -> Release {
        var release = Release([:])
        guard checkKind(value, .object) else { return release }
        for (key, version) in value.members {
            let component: Release.Component = name(key, at: version) ?? Release.Component(asWritten: key)
            guard let text = text(version) else { continue }
            if release.versions[component] == nil { release.versions[component] = text }
        }
        return release
    }
}

extension JSONValue.Kind {
    fileprivate var withArticle: String {
        switch self {
        case .null: "null"
        case .boolean: "true or false"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
