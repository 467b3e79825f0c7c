import Foundation

/// A list of a structured field, parsed by section 4.2 of RFC 9651 step by step.
///
/// It shares nothing with the library's reader: it takes the field apart, allocates as it likes, and gives the values, so that
/// the public suite can say whether it is right.
struct StructuredFieldParser {
    private struct Failure: Error {}

    private var rest: ArraySlice<UInt8>

    /// The members of a list, or nil if parsing fails.
    static func list(_ field: String) -> [FieldValue]? {
        var parser = StructuredFieldParser(rest: Array(field.utf8)[...])
        return try? parser.whole { try $0.list() }
    }

    /// An item, or nil if parsing fails.
    static func item(_ field: String) -> FieldValue? {
        var parser = StructuredFieldParser(rest: Array(field.utf8)[...])
        return try? parser.whole { try $0.item() }
    }

    private mutating func whole<Value>(_ body: (inout StructuredFieldParser) throws -> Value) throws -> Value {
        guard rest.allSatisfy({ $0 < 0x80 }) else { throw Failure() }
        drop(.space)
        let value = try body(&self)
        drop(.space)
        guard rest.isEmpty else { throw Failure() }
        return value
    }

    private mutating func list() throws -> [FieldValue] {
        var members: [FieldValue] = []
        while !rest.isEmpty {
            members.append(starts(with: .open) ? try innerList() : try item())
            drop(.whitespace)
            if rest.isEmpty { return members }
            guard try take() == "," else { throw Failure() }
            drop(.whitespace)
            if rest.isEmpty { throw Failure() }
        }
        return members
    }

    private mutating func innerList() throws -> FieldValue {
        _ = try take()
        var items: [FieldValue] = []
        while !rest.isEmpty {
            drop(.space)
            if starts(with: .close) {
                _ = try take()
                return .list([.list(items), try parameters()])
            }
            items.append(try item())
            guard starts(with: .gap) else { throw Failure() }
        }
        throw Failure()
    }

    private mutating func item() throws -> FieldValue { .list([try bareItem(), try parameters()]) }

    private mutating func parameters() throws -> FieldValue {
        var parameters: [(key: String, value: FieldValue)] = []
        while starts(with: .semicolon) {
            _ = try take()
            drop(.space)
            let key = try key()
            var value = FieldValue.flag(true)
            if starts(with: .equals) {
                _ = try take()
                value = try bareItem()
            }
            if let place = parameters.firstIndex(where: { $0.key == key }) {
                parameters[place].value = value
            } else {
                parameters.append((key, value))
            }
        }
        return .list(parameters.map { .list([.text($0.key), $0.value]) })
    }

    private mutating func key() throws -> String {
        guard starts(with: .keyStart) else { throw Failure() }
        return run(of: .key)
    }

    private mutating func bareItem() throws -> FieldValue {
        if starts(with: .numberStart) { return try number() }
        if starts(with: .tokenStart) {
            return .typed("token", .text(run(of: .token)))
        }
        switch try take() {
        case "\"": return .text(try quoted())
        case ":": return try bytes()
        case "?":
            let digit = try take()
            guard digit == "0" || digit == "1" else { throw Failure() }
            return .flag(digit == "1")
        case "@":
            guard starts(with: .numberStart) else { throw Failure() }
            let whole = rest
            let date = try number()
            guard !whole[..<rest.startIndex].contains(UInt8(ascii: ".")) else { throw Failure() }
            return .typed("date", date)
        case "%": return .typed("displaystring", .text(try displayString()))
        default: throw Failure()
        }
    }

    private mutating func number() throws -> FieldValue {
        var text = ""
        if starts(with: .minus) { text.append(try take()) }
        let whole = run(of: .digit)
        if whole.isEmpty || whole.count > 15 { throw Failure() }
        text += whole
        if starts(with: .point) {
            _ = try take()
            let fraction = run(of: .digit)
            if whole.count > 12 || !(1...3).contains(fraction.count) { throw Failure() }
            text += "." + fraction
        }
        guard let number = Double(text) else { throw Failure() }
        return .number(number)
    }

    private mutating func quoted() throws -> String {
        var text = ""
        while true {
            let character = try take()
            if character == "\"" { return text }
            if character == "\\" {
                let escaped = try take()
                guard escaped == "\"" || escaped == "\\" else { throw Failure() }
                text.append(escaped)
            } else {
                guard character >= " ", character <= "~" else { throw Failure() }
                text.append(character)
            }
        }
    }

    private mutating func bytes() throws -> FieldValue {
        guard let end = rest.firstIndex(of: UInt8(ascii: ":")) else { throw Failure() }
        let text = String(decoding: rest[..<end], as: UTF8.self)
        rest = rest[(end + 1)...]
        let digits = text.prefix { $0 != "=" }
        let padding = String(repeating: "=", count: (4 - digits.count % 4) % 4)
        guard padding.count < 3, text == digits || text == digits + padding,
            let bytes = Data(base64Encoded: digits + padding)
        else { throw Failure() }
        return .typed("binary", .text(Self.base32(bytes)))
    }

    /// As the suite writes bytes (RFC 4648, section 6).
    private static func base32(_ bytes: Data) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var (text, bits, count) = ("", 0, 0)
        for byte in bytes {
            (bits, count) = (bits << 8 | Int(byte), count + 8)
            while count >= 5 {
                count -= 5
                text.append(digits[bits >> count & 31])
            }
            bits &= 31
        }
        if count > 0 { text.append(digits[bits << (5 - count) & 31]) }
        return text + String(repeating: "=", count: (8 - text.utf8.count % 8) % 8)
    }

    private mutating func displayString() throws -> String {
        guard try take() == "\"" else { throw Failure() }
        var bytes: [UInt8] = []
        while true {
            let character = try take()
            if character == "\"" { break }
            if character == "%" {
                let digits = String([try take(), try take()])
                guard digits.allSatisfy("0123456789abcdef".contains), let byte = UInt8(digits, radix: 16)
                else { throw Failure() }
                bytes.append(byte)
            } else {
                guard character >= " ", character <= "~", let byte = character.asciiValue else { throw Failure() }
                bytes.append(byte)
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Failure() }
        return text
    }

    // MARK: Characters

    private func starts(with characters: Characters) -> Bool { rest.first.map(characters.contains) ?? false }

    private mutating func take() throws -> Character {
        guard let byte = rest.popFirst() else { throw Failure() }
        return Character(Unicode.Scalar(byte))
    }

    private mutating func drop(_ characters: Characters) {
        while starts(with: characters) { rest.removeFirst() }
    }

    private mutating func run(of characters: Characters) -> String {
        let start = rest.startIndex
        let whole = rest
        drop(characters)
        return String(decoding: whole[start..<rest.startIndex], as: UTF8.self)
    }
}

/// Some ASCII characters, as a table: the public suite is long, and tests are not optimised.
private struct Characters {
    private let isMember: [Bool]

    init(_ members: String) {
        var isMember = [Bool](repeating: false, count: 256)
        for byte in members.utf8 { isMember[Int(byte)] = true }
        self.isMember = isMember
    }

    func contains(_ byte: UInt8) -> Bool { isMember[Int(byte)] }

    private static let lowerCase = "abcdefghijklmnopqrstuvwxyz"
    private static let digits = "0123456789"
    private static let letters = lowerCase + lowerCase.uppercased()
    static let space = Characters(" ")
    static let whitespace = Characters(" \t")
    static let open = Characters("(")
    static let close = Characters(")")
    static let gap = Characters(" )")
    static let semicolon = Characters(";")
    static let equals = Characters("=")
    static let minus = Characters("-")
    static let point = Characters(".")
    static let digit = Characters(digits)
    static let numberStart = Characters("-" + digits)
    static let keyStart = Characters(lowerCase + "*")
    static let key = Characters(lowerCase + digits + "_-.*")
    static let tokenStart = Characters(letters + "*")
    static let token = Characters(letters + digits + "!#$%&'*+-.^_`|~:/")
}

/// A value of a structured field as the public suite writes it in JSON: an item is a list of its bare item and its parameters.
indirect enum FieldValue: Hashable, Decodable {
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([FieldValue])
    case typed(String, FieldValue)

    private enum CodingKeys: String, CodingKey {
        case type = "__type"
        case value
    }

    init(from decoder: any Decoder) throws {
        if let object = try? decoder.container(keyedBy: CodingKeys.self) {
            self = .typed(
                try object.decode(String.self, forKey: .type),
                try object.decode(FieldValue.self, forKey: .value)
            )
            return
        }
        let value = try decoder.singleValueContainer()
        if let list = try? value.decode([FieldValue].self) {
            self = .list(list)
        } else if let flag = try? value.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else {
            self = .text(try value.decode(String.self))
        }
    }
}
