import Foundation
import Testing

@testable import Rollout

@Suite("Keys")
struct SigningKeysTests {
    private static let a = String(repeating: "A", count: 43) + "="
    private static let b = String(repeating: "B", count: 42) + "A="

    @Test("are read from text, comments and blank lines left out")
    func text() throws {
        let text = "# ours\n\n  7 \(Self.a)  # old\r\n\t255\t\(Self.b)\n0 \(String(repeating: "C", count: 64))"
        let keys = try SigningKeys(text: text)
        #expect(keys.ids == [7, 255, 0])
        #expect("\(keys)" == "keys 7, 255, 0 (0 signs)")
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        let text: String
        let code: SigningKeyError.Code
        let line: Int?
        var testDescription: String { "\(code) in \(text.debugDescription)" }
    }

    static let bad = [
        Bad(text: "", code: .noKey, line: nil),
        Bad(text: "# nothing\n\n", code: .noKey, line: nil),
        Bad(text: "7", code: .badLine, line: 1),
        Bad(text: "7 \(a) more", code: .badLine, line: 1),
        Bad(text: "7:\(a)", code: .badLine, line: 1),
        Bad(text: "\n7 \(a)\n256 \(b)", code: .badID, line: 3),
        Bad(text: "-1 \(a)", code: .badID, line: 1),
        Bad(text: "+1 \(a)", code: .badID, line: 1),
        Bad(text: "07 \(a)", code: .badID, line: 1),
        Bad(text: "1000 \(a)", code: .badID, line: 1),
        Bad(text: "٧ \(a)", code: .badID, line: 1),
        Bad(text: "\(a) 7", code: .badID, line: 1),
        Bad(text: "7 \(a.dropLast())", code: .badSecret, line: 1),
        Bad(text: "7 \(a)=", code: .badSecret, line: 1),
        Bad(text: "7 \(String(repeating: "A", count: 42))B=", code: .badSecret, line: 1),
        Bad(text: "7 \(String(repeating: "-", count: 43))=", code: .badSecret, line: 1),
        Bad(
            text: "7 \(String(repeating: "A", count: 21))=\(String(repeating: "A", count: 22))",
            code: .badSecret,
            line: 1
        ),
        Bad(text: "7 ====", code: .badSecret, line: 1),
        Bad(text: "7 \(String(repeating: "A", count: 42))==", code: .shortSecret, line: 1),
        Bad(text: "7 \(a)\n7 \(b)", code: .duplicateID, line: 2),
        Bad(text: "7 \(a)\n8 \(a)", code: .duplicateSecret, line: 2),
        Bad(text: "7 \(a)\n\u{FEFF}8 \(b)", code: .byteOrderMark, line: 2),
        Bad(text: "\u{FEFF}7 \(a)", code: .byteOrderMark, line: 1),
        Bad(text: "\u{FEFF}# a comment\n7 \(a)", code: .byteOrderMark, line: 1),
        Bad(text: "\u{FEFF}", code: .byteOrderMark, line: 1),
        Bad(text: "7 \(a)\0", code: .badSecret, line: 1),
    ]

    @Test("that are wrong are refused, with their line and without their secret", arguments: bad)
    func refused(_ row: Bad) {
        let error = #expect(throws: SigningKeyError.self) { try SigningKeys(text: row.text) }
        #expect(error?.code == row.code)
        #expect(error?.line == row.line)
        #expect(error.map { !"\($0)".contains("AAAA") && !"\($0)".contains("BBBB") } == true)
    }

    @Test("show no secret when printed or dumped")
    func secrecy() throws {
        let keys = try Fixture.keys(1, 2)
        var text = "\(keys) \(String(reflecting: keys))"
        dump(keys, to: &text)
        dump(keys.keys, to: &text)
        #expect(text.contains("2 signs"))
        #expect(!text.contains("inner") && !text.contains("HMAC"))
    }

    @Test("that are fresh can be read, and differ")
    func fresh() throws {
        let ids: [UInt8] = Array(stride(from: 0, through: 255, by: 5))
        let lines = ids.map { SigningKeys.freshLine(id: $0) }
        #expect(try SigningKeys(text: lines.joined(separator: "\n")).ids == ids)
        #expect(Set(lines.map { $0.split(separator: " ")[1] }).count == ids.count)
    }

    @Test("in base64 are those of the RFC", arguments: ["", "f", "fo", "foo", "foob", "fooba", "foobar"])
    func base64(_ text: String) {
        let expected = Data(text.utf8).base64EncodedString()
        #expect(Base64.standard.encode(Array(text.utf8)) == expected)
        #expect(Base64.standard.decode(Array(expected.utf8)) == Array(text.utf8))
    }

    @Test("are read from a file that only its owner can use", arguments: [0o600, 0o400, 0o700])
    func file(_ mode: Int) throws {
        try withFile("7 \(Self.a)\n", mode: mode) { path in
            let keys = try SigningKeys(contentsOf: path)
            #expect(keys.ids == [7])
        }
    }

    @Test(
        "are refused in a file that others can use",
        arguments: [0o640, 0o604, 0o644, 0o620, 0o602, 0o610, 0o601, 0o444, 0o777]
    )
    func exposed(_ mode: Int) throws {
        try withFile("7 \(Self.a)\n", mode: mode) { path in
            let error = #expect(throws: SigningKeyError.self) { try SigningKeys(contentsOf: path) }
            #expect(error?.code == .exposed)
            #expect(error.map { "\($0)".contains(path) && "\($0)".contains("0" + String(mode, radix: 8)) } == true)
            #expect(error?.message.contains("SigningKeys(text:)") == true)
        }
    }

    /// The fewest who have to be allowed; nil for a file that is never read.
    @Test(
        "are read from a file that others can read only if the caller allows these by name",
        arguments: [
            (0o600, .owner), (0o440, .group), (0o640, .group), (0o750, .group), (0o410, .group), (0o444, .everyone),
            (0o644, .everyone), (0o404, .everyone), (0o755, .everyone), (0o601, .everyone), (0o620, nil), (0o602, nil),
            (0o664, nil), (0o666, nil), (0o777, nil), (0o422, nil),
        ] as [(Int, SigningKeys.Readers?)]
    )
    func readers(_ mode: Int, _ needed: SigningKeys.Readers?) throws {
        let all = [SigningKeys.Readers.owner, .group, .everyone]
        let enough = needed.flatMap { all.firstIndex(of: $0) } ?? all.count
        try withFile("7 \(Self.a)\n", mode: mode) { path in
            for (place, allowed) in all.enumerated() {
                do throws(SigningKeyError) {
                    #expect(try SigningKeys(contentsOf: path, allowing: allowed).ids == [7])
                    #expect(place >= enough, "\(allowed)")
                } catch {
                    #expect(place < enough && error.code == .exposed, "\(error)")
                    let hint = needed.map { "SigningKeys(contentsOf:allowing: .\($0))" } ?? "which is never allowed"
                    #expect(error.message.contains(hint), "\(error)")
                }
            }
        }
    }

    @Test("are refused in a file that is too large, missing, or a folder")
    func unusable() throws {
        try withFile(String(repeating: "#", count: 65_537), mode: 0o600) { path in
            #expect(throws: SigningKeyError(.tooLarge, "\(path) has more than 65536 bytes, which no key file needs")) {
                try SigningKeys(contentsOf: path)
            }
            let missing = #expect(throws: SigningKeyError.self) { try SigningKeys(contentsOf: path + ".gone") }
            #expect(missing?.code == .unreadable)
        }
        let folder = #expect(throws: SigningKeyError.self) { try SigningKeys(contentsOf: "/") }
        #expect([.unreadable, .exposed].contains(folder?.code))
    }

    private func withFile(_ text: String, mode: Int, _ body: (String) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "rollout-\(UUID().uuidString).keys")
        try Data(text.utf8).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: url.path())
        try body(url.path())
    }
}
