import Rollout
import Testing

@Suite("JSON values")
struct JSONValueTests {
    @Test("Each kind answers for itself alone")
    func kinds() throws {
        let values = Array(try document(#"[null, true, false, 1, "a", [2], {"b": 3}]"#).root.elements)
        #expect(values.map(\.kind) == [.null, .boolean, .boolean, .number, .string, .array, .object])
        #expect(values.map(\.isNull) == [true, false, false, false, false, false, false])
        #expect(values.map(\.boolean) == [nil, true, false, nil, nil, nil, nil])
        #expect(values.map(\.string) == [nil, nil, nil, nil, "a", nil, nil])
        #expect(values.map(\.count) == [0, 0, 0, 0, 0, 1, 1])
        #expect(values.map { Array($0.elements).count } == [0, 0, 0, 0, 0, 1, 0])
        #expect(values.map { Array($0.members).count } == [0, 0, 0, 0, 0, 0, 1])
    }

    @Test("Members and elements come in text order, nested ones with their own parents")
    func order() throws {
        let root = try document(#"{"b":[1,[2,3],4],"a":{"z":{},"y":5},"\n":6}"#).root
        #expect(root.members.map(\.key) == ["b", "a", "\n"])
        #expect(root["b"]?.elements.map(\.excerpt) == ["1", "an array", "4"])
        #expect(root["a"]?.members.map(\.key) == ["z", "y"])
        #expect(root.count == 3)
        #expect(root.key == nil)
        #expect(root.keyPosition == nil)
    }

    @Test(
        "Lines end with LF, CRLF or a lone CR, and columns count scalars",
        arguments: [
            ("[x", 1, 2), ("[\nx", 2, 1), ("[\r\nx", 2, 1), ("[\rx", 2, 1), ("[\n\nx", 3, 1), ("[\r\r\n\nx", 4, 1),
            ("[\n\rx", 3, 1),
            ("[\r\n  x", 2, 3), ("[\tx", 1, 3), ("[\"é\",x", 1, 6), ("[\"e\u{301}\",x", 1, 7), ("[\"😀\",x", 1, 6),
            ("[\"\u{2028}\u{85}\",\n1,x", 2, 3),
        ]
    )
    func positions(text: String, line: Int, column: Int) {
        let error = #expect(throws: JSONError.self) { try document(text) }
        #expect(error?.position == JSONPosition(line: line, column: column))
        #expect(error?.description.hasPrefix("line \(line), column \(column): ") == true)
    }

    @Test("Positions in a long text are those that counting from its start gives")
    func longPositions() throws {
        var text = "["
        var expected: [JSONPosition] = []
        var line = 1
        for index in 0..<4_000 {
            if index > 0 { text += "," }
            let ending = ["\n", "\r", "\r\n"][index % 3]
            text += "\"é😀\(index)\"," + ending + " {\"k\":\(index)}"
            line += 1
            expected.append(JSONPosition(line: line, column: 7))
        }
        let root = try document(text + "]").root
        let found = root.elements.compactMap { $0["k"]?.position }
        #expect(found == expected)
        #expect(root.elements.compactMap { $0["k"]?.keyPosition?.column } == [Int](repeating: 3, count: 4_000))
        #expect(root.position == JSONPosition(line: 1, column: 1))
    }

    @Test(
        "An excerpt is the value's text on one short line",
        arguments: [
            ("null", "null"), ("true", "true"), ("-1.50e3", "-1.50e3"), ("[1]", "an array"), ("{}", "an object"),
            (#""""#, #""""#), (#""a\n\u0041""#, #""a\n\u0041""#), (#""é😀""#, #""é😀""#),
            ("\"a\u{2028}b\u{7F}\"", #""a\u2028b\u007f""#), ("\"\u{202E}\u{E0001}\"", #""\u202e\udb40\udc01""#),
            ("\"\(a(38))\"", "\"\(a(38))\""), ("\"\(a(39))\"", "\"\(a(37))…\""),
            ("\"\(a(4_000))\"", "\"\(a(37))…\""),
            ("\"\(a(36))\\n\"", "\"\(a(36))\\n\""), ("\"\(a(36))\\nb\"", "\"\(a(36))…\""),
            ("\"\(a(34))\\u0041b\"", "\"\(a(34))…\""),
            ("\"\(String(repeating: "😀", count: 39))\"", "\"\(String(repeating: "😀", count: 37))…\""),
            (String(repeating: "1", count: 40), String(repeating: "1", count: 40)),
            (String(repeating: "1", count: 41), String(repeating: "1", count: 39) + "…"),
        ]
    )
    func excerpt(text: String, expected: String) throws {
        #expect(try document(text).root.excerpt == expected)
    }

    private static func a(_ count: Int) -> String { String(repeating: "a", count: count) }

    private func document(_ text: String) throws -> JSONDocument { try JSONDocument(parsing: Array(text.utf8)) }
}
