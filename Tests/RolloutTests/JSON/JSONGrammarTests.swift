import Rollout
import Testing

@Suite("JSON grammar")
struct JSONGrammarTests {
    @Test(
        "Every production of RFC 8259 is read",
        arguments: [
            // A value alone, and white space around each token.
            ("null", "null"), ("true", "true"), ("false", "false"), (" \t\r\n null \t\r\n ", "null"),
            (" { \"a\" : 1 , \"b\" : [ 1 , 2 ] } ", #"{"a":1,"b":[1,2]}"#),
            ("[]", "[]"), ("[ ]", "[]"), ("{}", "{}"), ("{\n}", "{}"), ("[[],{}]", "[[],{}]"),
            (#"{"":{"":[]}}"#, #"{"":{"":[]}}"#),
            // Numbers are kept as written.
            ("0", "0"), ("-0", "-0"), ("7", "7"), ("10", "10"), ("-12", "-12"), ("0.5", "0.5"), ("-0.50", "-0.50"),
            ("1e5", "1e5"), ("1E5", "1E5"), ("1e+5", "1e+5"), ("1E-05", "1E-05"), ("0e0", "0e0"),
            ("1.5e300", "1.5e300"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            // Strings.
            (#""""#, #""""#), (#""a""#, #""a""#), (#""\"\\\/\b\f\n\r\t""#, #""\"\\/\b\f\n\r\t""#),
            (#""\u0041\u00e9\u20AC""#, #""Aé€""#), (#""\ud83d\ude00""#, #""😀""#),
            (#""\uD800\uDC00""#, "\"\u{10000}\""),
            (#""\uDBFF\uDFFF""#, "\"\u{10FFFF}\""), (#""\u0000\u001F\u007f""#, "\"\\u0000\\u001f\u{7F}\""),
            (#""\\u0041""#, #""\\u0041""#), (#""\u005c\u0022""#, #""\\\"""#), (#""/""#, #""/""#),
            ("\"é€😀\"", "\"é€😀\""), ("\"\u{FEFF}\u{FFFF}\u{2028}\"", "\"\u{FEFF}\u{FFFF}\u{2028}\""),
            (#"{"\u0061":1}"#, #"{"a":1}"#),
        ]
    )
    func accepts(text: String, canonical: String) throws {
        let document = try JSONDocument(parsing: Array(text.utf8))
        #expect(JSONTree(document.root).canonicalText.utf8.elementsEqual(canonical.utf8))
    }

    @Test(
        "Whatever is not in the grammar is refused where it stands",
        arguments: [
            ("", .empty, 1), (" \t", .empty, 3),
            ("\u{FEFF}null", .byteOrderMark, 1), ("\u{FEFF}", .byteOrderMark, 1),
            // Truncated.
            ("[", .unexpectedEnd, 2), ("[1", .unexpectedEnd, 3), ("[1,", .unexpectedEnd, 4),
            ("{", .unexpectedEnd, 2),
            (#"{"a""#, .unexpectedEnd, 5), (#"{"a":"#, .unexpectedEnd, 6), (#"{"a":1,"#, .unexpectedEnd, 8),
            ("tru", .unexpectedEnd, 4), ("-", .unexpectedEnd, 2), ("1.", .unexpectedEnd, 3),
            ("1e", .unexpectedEnd, 3),
            ("1e-", .unexpectedEnd, 4), ("\"a", .unexpectedEnd, 3), ("\"\\", .unexpectedEnd, 3),
            (#""\u00"#, .unexpectedEnd, 6), (#""\ud800"#, .unexpectedEnd, 8), (#""\ud800\"#, .unexpectedEnd, 9),
            (#""\ud800\u"#, .unexpectedEnd, 10),
            // Structure.
            ("[1,]", .unexpectedCharacter, 4), ("[,1]", .unexpectedCharacter, 2),
            ("[1 2]", .unexpectedCharacter, 4),
            ("[1}", .unexpectedCharacter, 3), ("]", .unexpectedCharacter, 1), ("[1,,2]", .unexpectedCharacter, 4),
            (#"{"a":1,}"#, .unexpectedCharacter, 8), (#"{,"a":1}"#, .unexpectedCharacter, 2),
            (#"{"a" 1}"#, .unexpectedCharacter, 6), (#"{"a",1}"#, .unexpectedCharacter, 5),
            (#"{"a":}"#, .unexpectedCharacter, 6),
            (#"{"a":1 "b":2}"#, .unexpectedCharacter, 8), (#"{"a":1]"#, .unexpectedCharacter, 7),
            ("{a:1}", .unexpectedCharacter, 2), ("{'a':1}", .unexpectedCharacter, 2),
            ("{1:1}", .unexpectedCharacter, 2),
            ("{null:1}", .unexpectedCharacter, 2), (#"{"a":1;}"#, .unexpectedCharacter, 7),
            ("1 2", .trailingText, 3), ("null,", .trailingText, 5), ("[]]", .trailingText, 3),
            ("{}{}", .trailingText, 3),
            ("1.5.2", .trailingText, 4), ("1a", .trailingText, 2), ("truex", .trailingText, 5),
            ("null\u{0}", .trailingText, 5),
            // Words and what other dialects allow.
            ("True", .unexpectedCharacter, 1), ("nul ", .unexpectedCharacter, 4), ("NaN", .unexpectedCharacter, 1),
            ("Infinity", .unexpectedCharacter, 1), ("-Infinity", .badNumber, 2),
            ("undefined", .unexpectedCharacter, 1),
            ("// x\n1", .unexpectedCharacter, 1), ("[1/**/]", .unexpectedCharacter, 3),
            ("'a'", .unexpectedCharacter, 1),
            ("\u{A0}1", .unexpectedCharacter, 1), ("\u{B}1", .unexpectedCharacter, 1),
            ("\u{C}1", .unexpectedCharacter, 1),
            ("\u{0}", .unexpectedCharacter, 1), ("\u{2028}1", .unexpectedCharacter, 1),
            // Numbers.
            ("01", .badNumber, 2), ("-01", .badNumber, 3), ("00", .badNumber, 2), ("1.x", .badNumber, 3),
            ("1.e5", .badNumber, 3),
            ("[1.]", .badNumber, 4), ("1ex", .badNumber, 3), ("1e+-1", .badNumber, 4), ("--1", .badNumber, 2),
            ("-a", .badNumber, 2),
            ("+1", .unexpectedCharacter, 1), (".5", .unexpectedCharacter, 1), ("0x10", .trailingText, 2),
            ("1_000", .trailingText, 2),
            // Strings.
            ("\"a\u{1F}\"", .badString, 3), ("\"a\nb\"", .badString, 3), ("\"a\tb\"", .badString, 3),
            ("\"\u{0}\"", .badString, 2),
            (#""a\x41""#, .badString, 3), (#""\'""#, .badString, 2), (#""\U0041""#, .badString, 2),
            (#""\u00g0""#, .badString, 2),
            (#""\u 041""#, .badString, 2), (#""\u+041""#, .badString, 2), (#""\u{41}""#, .badString, 2),
            (#""\u004""#, .badString, 2),
            ("\"\\\n\"", .badString, 2), ("\"\\é\"", .badString, 2),
            (#""\ud800""#, .badString, 2), (#""\udc00""#, .badString, 2), (#""a\ud800b""#, .badString, 3),
            (#""\ud800\n""#, .badString, 2), (#""\ud800\u0041""#, .badString, 2),
            (#""\ud800\ud800""#, .badString, 2),
            (#""\udc00\ud800""#, .badString, 2), (#""\ud800\uzz""#, .badString, 8),
            (#"{"\ud800":1}"#, .badString, 3),
        ] as [(String, JSONError.Code, Int)]
    )
    func refuses(text: String, code: JSONError.Code, column: Int) {
        let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: Array(text.utf8)) }
        #expect(error?.code == code, "\(text.debugDescription): \(String(describing: error))")
        // A line end before the error would need more than a column; none of the texts has one.
        #expect(error?.position == JSONPosition(line: 1, column: column), "\(text.debugDescription)")
        #expect(error?.message.isEmpty == false)
    }

    @Test("No proper prefix of an object, and no text with one byte left out of its brackets, is a document")
    func truncation() throws {
        let text = Array(#" {"a":[1,-0.5e+3,true,false,null,"x\n\u00e9\ud83d\ude00é😀"],"b":{"c":{}}}"#.utf8)
        _ = try JSONDocument(parsing: text)
        for length in 0..<text.count {
            let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: Array(text[..<length])) }
            switch error?.code {
            case .empty: #expect(length <= 1)
            case .unexpectedEnd: #expect(error?.offset == length)
            case .invalidUTF8: #expect(text[length] & 0xC0 == 0x80, "only inside a character")
            default: Issue.record("\(length) bytes: \(String(describing: error))")
            }
        }
    }

    @Test(
        "Bytes that are not UTF-8 are refused in strings, in keys and between values",
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x9F, 0xBF],
            [0xE0, 0x80, 0x80],
            [0xE1, 0x80], [0xE1, 0x80, 0x41], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xEF, 0xBF],
            [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF0, 0x90, 0x80], [0xF0, 0x90, 0x80, 0x41], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
            [0xF8], [0xFE], [0xFF],
        ] as [[UInt8]]
    )
    func invalidUTF8(bytes: [UInt8]) {
        for (before, after) in [("\"aé", "\""), ("{\"aé", "\":1}"), ("[1", "]"), ("1", ""), ("\"\\", "\"")] {
            let text = Array(before.utf8) + bytes + Array(after.utf8)
            let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: text) }
            #expect(error?.code == .invalidUTF8)
            #expect(error?.offset == before.utf8.count)
            #expect(error?.position == JSONPosition(line: 1, column: before.unicodeScalars.count + 1))
        }
    }

    @Test(
        "The first and last scalar of every length of UTF-8 is read",
        arguments: [
            "\u{80}", "\u{7FF}", "\u{800}", "\u{FFF}", "\u{1000}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}",
            "\u{10FFFF}",
        ]
    )
    func validUTF8(text: String) throws {
        #expect(try JSONDocument(parsing: Array("\"\(text)\"".utf8)).root.string == text)
    }

    @Test(
        "A message says what was expected and what was found",
        arguments: [
            ("[1,]", "expected a value, found ']'"),
            ("{1:2}", "expected a key in quotation marks or '}', found '1'"),
            (#"{"a":1,}"#, "expected a key in quotation marks, found '}'"),
            (#"{"a" 1}"#, "expected ':', found '1'"),
            ("{'a':1}", "expected a key in quotation marks or '}', found \"'\""),
            ("[1 2]", "expected ',' or ']', found '2'"),
            ("1 é", "expected the end of the text, found 'é'"),
            ("\u{7}", "expected a value, found U+0007"),
            ("[", "expected a value, found the end of the text"),
            ("\"a\nb\"", "U+000A stands in a string and must be written as an escape"),
            ("1.", "expected a digit, found the end of the text"),
            ("nulL", "expected the word null, found 'L'"),
        ]
    )
    func message(text: String, message: String) {
        let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: Array(text.utf8)) }
        #expect(error?.message == message)
    }
}
