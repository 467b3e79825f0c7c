import Foundation
import Testing

@testable import Rollout

/// The reader of decision headers against a slow parser of all structured fields, which the public suite holds to the standard.
@Suite("A decision header, as a list of structured fields")
struct StructuredFieldTests {
    private let sessions: SessionRouter
    private let handle: RolloutHandle
    private let genuine: String

    init() throws {
        (_, handle) = try Fixture.router(Fixture.policy(percent: 100))
        sessions = try Fixture.sessions()
        let decision = handle.decision(for: "alice")
        genuine = try #require(sessions.header(for: decision, unit: "alice", now: Fixture.now))
    }

    /// What adopting a field comes to: nil if our member was adopted.
    private func taint(of field: String) -> DecisionTaint? {
        sessions.adopt(field, for: "alice", through: handle, now: Fixture.now).taint
    }

    /// What it should come to for fields in which our member is the genuine one, wherever it is.
    private func expected(of field: String) -> DecisionTaint? {
        guard let members = StructuredFieldParser.list(field) else { return .malformed }
        let ours = members.count { member in
            if case .list(let parts) = member { parts.first == .text("sms") } else { false }
        }
        return ours == 0 ? .missing : ours == 1 ? nil : .duplicate
    }

    /// Checks a field alone and beside our member.
    private func check(_ field: String, _ context: String, isLong: Bool = false) {
        let wholes = [field, "\(field), \(genuine)", "\(genuine), \(field)", "\(genuine)\t,\(field)"]
        for whole in wholes.prefix(isLong ? 2 : 4) {
            let (found, expected) = (taint(of: whole), expected(of: whole))
            if found != expected {
                Issue.record("\(context): \(whole.debugDescription): \(String(describing: found))")
            }
        }
    }

    // MARK: The public suite

    /// httpwg/structured-field-tests, where the machine has it beside the project.
    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "shared/vectors/structured-fields")

    private static let files = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? [])
        .filter { $0.hasSuffix(".json") }.sorted()

    private struct Case: Decodable {
        let name: String
        let raw: [String]
        let header_type: String
        let expected: FieldValue?
        let must_fail: Bool?
        let can_fail: Bool?
    }

    @Test(
        "meets the public suite: what must fail voids the header, and beside any list our member is adopted",
        .enabled(if: !files.isEmpty, "../shared/vectors/structured-fields is not there: only the selection is checked")
    )
    func suite() throws {
        var count = 0
        for file in Self.files {
            let data = try Data(contentsOf: Self.folder.appending(path: file))
            for row in try JSONDecoder().decode([Case].self, from: data) {
                count += 1
                let field = row.raw.joined(separator: ", ")
                let context = "\(file), \(row.name)"
                holdParser(to: row, field, context)
                // The longest ones are for the parsers: which side of our member they are on is the short ones' matter.
                check(field, context, isLong: field.utf8.count > 1_000)
                guard row.header_type == "list" else { continue }
                let fails = row.must_fail ?? false
                #expect(taint(of: field) == (fails ? .malformed : .missing), "\(context)")
                // An empty list is no member, and leaves a comma too many.
                let voids = fails || row.expected == .list([])
                #expect(taint(of: "\(field), \(genuine)") == (voids ? .malformed : nil), "\(context)")
                #expect(taint(of: "\(genuine), \(field)") == (voids ? .malformed : nil), "\(context)")
            }
        }
        #expect(count == 1_591, "the suite is another than the one that these tests were written for")
    }

    /// The slow parser finds what the suite expects.
    private func holdParser(to row: Case, _ field: String, _ context: String) {
        let found: FieldValue?
        switch row.header_type {
        case "list": found = StructuredFieldParser.list(field).map { .list($0) }
        case "item": found = StructuredFieldParser.item(field)
        default: return
        }
        let isRight = found == (row.must_fail == true ? nil : row.expected) || row.can_fail == true && found == nil
        #expect(isRight, "\(context): the parser of the tests finds \(String(describing: found))")
    }

    // MARK: Without it

    /// Fields of the same suite (httpwg/structured-field-tests, MIT licence), each type of item and each kind of mistake.
    private static let lists = [
        "1, 42", "  42, 43", "42", "1,42", "1 , 42", "1\t,\t42", "abc_123;a=1;b=2; cdef_456, ghi;q=9;r=\"+w\"",
        "text/html;q=1.0", "text/html, text/plain;  q=0.5;  charset=utf-8", "a;b=1;b=2", "(1 42)", "(1)", "()",
        "(1 42), (1)",
        "(  1  42  )", "(abc_123);a=1;b=2, cdef_456", "(abc_123;a=1;b=2;cdef_456)", "(a;b=c);d=e",
        "1.5, -0.0, 123456789012.1",
        "999999999999999, -999999999999999", "0042", "?1, ?0", ":aGVsbG8=:", "::", "@1659578233", "@-1659578233", "@0",
        "*foo", "a_b-c.d3:f%00/*", "fooBar", "\"f\\\"oo\\\\\"", "\"\"", "%\"f%c3%bc%c3%bc\"", "%\"\"",
        "%\"foo %22bar%22 \\ baz\"",
        "a;*=1, b;a-._*=?0", "a, a",
    ]

    private static let failures = [
        "1, 42,", "1, 42, ", "1 42", "1,,42", ",1", "(1 42", "(1 42 1)(", "(1\t 42)", "(1,42)", "1 42)",
        "text/html;q=\"q\";=1",
        "a;1b=1", "a;A=1", "a;b=", "a; b=(1)", "a;b =1", "a;b= 1", "-", "--0", "1.", "1.1234", "1234567890123.1",
        "1000000000000000",
        "1.5.4", "- 1", "+1", "1e3", "?", "?2", "?10", "? 1", ":aGVsbG8=", ":=aGVsbG8=:", ":a=GVsbG8=:", ":aGVsbG8=*:",
        ": :",
        ":a-_8:", "@", "@1.5", "@\"1\"", "'foo'", "\"foo", "\"f\\o\"", "\"\u{7F}\"", "\"f\u{FC}\"", "\"\t\"", "!foo",
        "f\u{FC}",
        "%foo", "%\"foo", "%\"%C3%BC\"", "%\"%c3\"", "%\"%f\"", "%\"%c3%28\"", "%\"%ed%a0%80\"", "%\"%c0%80\"",
        "%\"%f4%90%80%80\"",
        "%\"\u{FC}\"", "1\n", "1\u{0}", "a=1",
    ]

    @Test("meets a selection of the public suite")
    func selection() {
        for list in Self.lists {
            #expect(taint(of: list) == .missing, "\(list)")
            #expect(taint(of: "\(list), \(genuine)") == nil && taint(of: "\(genuine), \(list)") == nil, "\(list)")
            check(list, "a list")
        }
        for field in Self.failures {
            #expect(taint(of: field) == .malformed, "\(field)")
            #expect(taint(of: "\(field), \(genuine)") == .malformed, "\(field)")
            #expect(taint(of: "\(genuine), \(field)") == .malformed, "\(field)")
            check(field, "no list")
        }
        // Around the comma of a list, and not before it.
        #expect(taint(of: "\t\(genuine)") == .malformed && taint(of: "\(genuine) \t, \t1") == nil)
    }

    @Test("is read as the slow parser reads it, whatever it is made of", arguments: 1...4 as ClosedRange<UInt64>)
    func random(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let parts =
            Self.lists + Self.failures + [
                genuine, ", ", ",", ";", " ", "\t", "=", "(", ")", "\"", ":", "%\"", "a", "1", ".",
            ]
        for _ in 0..<(StressEffort.isLong ? 20_000 : 400) {
            let count = Int.random(in: 1...4, using: &generator)
            var field = (0..<count).map { _ in parts[Int.random(in: 0..<parts.count, using: &generator)] }
                .joined(separator: Bool.random(using: &generator) ? ", " : "")
            // A changed byte of ours is another matter: the tag would be wrong, or a parameter.
            if !field.contains("sms"), generator.next() % 2 == 0 {
                var bytes = Array(field.utf8)
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...127, using: &generator)
                field = String(decoding: bytes, as: UTF8.self)
            }
            guard isOursGenuine(in: field) else { continue }
            let found = taint(of: field)
            if found != expected(of: field) {
                Issue.record("seed \(seed): \(field.debugDescription): \(String(describing: found))")
            }
        }
    }

    /// Whether every member of ours has the parameters that it was sent with.
    private func isOursGenuine(in field: String) -> Bool {
        let ours = StructuredFieldParser.list(genuine)?.first
        return (StructuredFieldParser.list(field) ?? []).allSatisfy { member in
            guard case .list(let parts) = member, parts.first == .text("sms") else { return true }
            return member == ours
        }
    }
}
