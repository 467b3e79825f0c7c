import Rollout
import Testing

@Suite("JSON keys")
struct JSONDuplicateTests {
    @Test(
        "Every later member with a key seen before is a duplicate, in text order",
        arguments: [
            (#"{"a":1,"b":2}"#, []),
            (#"{"a":1,"a":2}"#, [2]),
            (#"{"a":1,"b":2,"a":3,"a":4,"b":5}"#, [3, 4, 5]),
            (#"{"":1,"":2}"#, [2]),
            (#"{"a":1,"\u0061":2}"#, [2]),
            (#"{"\u0061":1,"a":2}"#, [2]),
            (#"{"\u0061":1,"\u0061":2}"#, [2]),
            (#"{"😀":1,"\ud83d\ude00":2,"\uD83D\uDE00":3}"#, [2, 3]),
            (#"{"a\"b":1,"a\u0022b":2,"a":3,"a\\":4,"a\\\"":5}"#, [2]),
            (#"{"\u0000":1,"":2,"\u0000":3}"#, [3]),
            ("{\"\u{E9}\":1,\"e\u{301}\":2}", []),  // NFC and NFD are two keys.
            (#"{"\u00e9":1,"e\u0301":2}"#, []),
            (#"{"a":1,"A":2,"ab":3}"#, []),
            // The inner duplicate comes after the outer one in the text, whichever object ends first.
            (#"{"a":1,"a":2,"b":{"c":3,"c":4},"b":5}"#, [2, 4, 5]),
            (#"[{"a":1},{"a":2}]"#, []),
            (#"{"a":{"a":{"a":1}}}"#, []),
        ]
    )
    func duplicates(text: String, expected: [Int]) throws {
        let duplicates = try JSONDocument(parsing: Array(text.utf8)).duplicates
        #expect(duplicates.map { $0.integer(as: Int.self) } == expected)
    }

    @Test("Objects of every size around the one that gets a table agree", arguments: 1...40)
    func sizes(count: Int) throws {
        let members = (0..<count).map { #""\#($0)":\#($0)"# }
        let unique = try JSONDocument(parsing: Array("{\(members.joined(separator: ","))}".utf8))
        #expect(unique.duplicates.isEmpty)
        for key in 0..<count { #expect(unique.root["\(key)"]?.integer(as: Int.self) == key) }
        #expect(unique.root["\(count)"] == nil)
        #expect(unique.root["0\""] == nil)

        let twice = try JSONDocument(parsing: Array("{\((members + [#""\u0030":-1"#]).joined(separator: ","))}".utf8))
        #expect(twice.duplicates.map { $0.integer(as: Int.self) } == [-1])
        #expect(twice.root["0"]?.integer(as: Int.self) == 0, "a look-up gives the first")
        #expect(twice.duplicates.first?.key == "0")
        #expect(twice.duplicates.first?.path.description == "0")
    }

    @Test("30,000 keys in one object, each of them twice, take no quadratic time", .timeLimit(.minutes(5)))
    func many() throws {
        let members = (0..<60_000).map { #""key-\#($0 % 30_000)":\#($0)"# }
        let document = try JSONDocument(parsing: Array("{\(members.joined(separator: ","))}".utf8))
        #expect(document.duplicates.count == 30_000)
        #expect(document.duplicates.first?.integer(as: Int.self) == 30_000)
        #expect(document.root["key-7777"]?.integer(as: Int.self) == 7_777)
    }

    @Test("A look-up compares bytes, not canonical equivalents", arguments: [4, 40])
    func lookUp(padding: Int) throws {
        let rest = (0..<padding).map { #","p\#($0)":null"# }.joined()
        let root = try JSONDocument(parsing: Array("{\"\u{E9}\":1,\"e\\u0301\":2,\"a\\\"b\":3,\"\":4\(rest)}".utf8))
            .root
        #expect(root["\u{E9}"]?.integer(as: Int.self) == 1)
        #expect(root["e\u{301}"]?.integer(as: Int.self) == 2)
        #expect(root["a\"b"]?.integer(as: Int.self) == 3)
        #expect(root[""]?.integer(as: Int.self) == 4)
        for absent in ["e", "E", "a", "a\"", "a\\\"b", "\u{0}", "\":1"] { #expect(root[absent] == nil) }
    }

    @Test("Nothing is looked up in what is no object", arguments: ["[1]", "1", "null", #""a""#])
    func noObject(text: String) throws {
        let root = try JSONDocument(parsing: Array(text.utf8)).root
        #expect(root["a"] == nil)
        #expect(root.members.first { _ in true } == nil)
    }
}
