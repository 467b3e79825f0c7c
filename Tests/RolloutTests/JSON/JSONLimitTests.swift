import Rollout
import Testing

@Suite("JSON limits")
struct JSONLimitTests {
    @Test("A text of 100 MB is refused by its size, before anything in it is read")
    func tooLarge() {
        // Not UTF-8 from its first byte: any look at it would give another error.
        let text = [UInt8](repeating: 0xFF, count: 100_000_000)
        let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: text) }
        #expect(error?.code == .tooLarge)
        #expect(error?.message == "expected at most 16,777,216 bytes of text, found more")
    }

    @Test("The size limit is the largest size allowed")
    func exactSize() throws {
        _ = try JSONDocument(parsing: Array("[10]".utf8), maximumBytes: 4)
        let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: Array("[100]".utf8), maximumBytes: 4) }
        #expect(error?.code == .tooLarge)
        #expect(throws: JSONError.self) { try JSONDocument(parsing: [], maximumBytes: -1) }
    }

    @Test(
        "Depth 32 is read and 33 is not, in arrays, objects and both",
        arguments: [("[", "]"), (#"{"a":"#, "}"), (#"[{"a":"#, "}]")]
    )
    func depth(open: String, close: String) throws {
        let levels = open.utf8.filter { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }.count
        func text(_ depth: Int) -> [UInt8] {
            Array(
                (String(repeating: open, count: depth / levels) + "1" + String(repeating: close, count: depth / levels))
                    .utf8
            )
        }
        _ = try JSONDocument(parsing: text(32))
        let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: text(32 + levels)) }
        #expect(error?.code == .tooDeep)
        #expect(error?.message == "arrays and objects are nested more than 32 deep, which is the limit")
    }

    @Test("The error points at the bracket that is one too many")
    func depthOffset() {
        let text = Array("[1,\n {\"a\": [2]}]".utf8)
        let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: text, maximumDepth: 2) }
        #expect(error?.position == JSONPosition(line: 2, column: 8))
        #expect(error?.offset == 11)
    }

    @Test("100,000 levels are refused by the limit, and read without a limit")
    func veryDeep() throws {
        let text =
            [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
            + [UInt8](repeating: UInt8(ascii: "]"), count: 100_000)
        let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: text) }
        #expect(error?.code == .tooDeep)
        #expect(error?.offset == 32)
        var value = try JSONDocument(parsing: text, maximumDepth: 100_000).root
        var depth = 1
        while let inner = value.elements.first(where: { _ in true }) {
            value = inner
            depth += 1
        }
        #expect(depth == 100_000)
        #expect(value.path.elements.count == 99_999)
    }

    @Test("Wide documents are read", arguments: ["1", "[]", #"{"a":1,"b":2}"#, #""""#])
    func wide(element: String) throws {
        let text = Array("[\(repeatElement(element, count: 50_000).joined(separator: ","))]".utf8)
        let document = try JSONDocument(parsing: text)
        #expect(document.root.count == 50_000)
        #expect(document.root.elements.reduce(0) { count, _ in count + 1 } == 50_000)
        #expect(document.duplicates.isEmpty)
    }
}
