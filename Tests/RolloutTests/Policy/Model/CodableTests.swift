import Foundation
import Testing

@testable import Rollout

@Suite("Names, releases and shares through an encoder")
struct CodableTests {
    /// What the JSON encoder makes of a value, its keys in order.
    private func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private func expectRoundTrip<Value: Codable & Equatable>(_ value: Value, as text: String) throws {
        #expect(try json(value) == text)
        #expect(try JSONDecoder().decode(Value.self, from: Data(text.utf8)) == value)
    }

    /// What decoding says is wrong, or nil if it succeeds.
    private func problem<Value: Decodable>(_ type: Value.Type, _ text: String) -> String? {
        do {
            _ = try JSONDecoder().decode(type, from: Data(text.utf8))
            return nil
        } catch DecodingError.dataCorrupted(let context) {
            return context.debugDescription
        } catch {
            return "\(error)"
        }
    }

    @Test("A name is its text, as a value and as a key")
    func names() throws {
        try expectRoundTrip(["sms", "A-Z_0.9"] as [RolloutID], as: #"["sms","A-Z_0.9"]"#)
        try expectRoundTrip([.canary, "b"] as [VariantName], as: #"["canary","b"]"#)
        try expectRoundTrip([.app, .model] as [Release.Component], as: #"["app","model"]"#)
        try expectRoundTrip(["sms": .stable] as [RolloutID: VariantName], as: #"{"sms":"stable"}"#)
        try expectRoundTrip([.stable: ["sms"]] as [VariantName: Set<RolloutID>], as: #"{"stable":["sms"]}"#)
        try expectRoundTrip(["zoë": .canary] as [UnitID: VariantName], as: #"{"zoë":"canary"}"#)
        try expectRoundTrip(["h.example": 1] as [HostName: Int], as: #"{"h.example":1}"#)
        let host = try JSONDecoder().decode([HostName].self, from: Data(#"["H.Example:8443"]"#.utf8))
        #expect(host == ["h.example"])
    }

    @Test("A stage of outcomes is an object, whose id may be any 64-bit number")
    func stage() throws {
        let releases = #"{"canary":{"app":"v2"},"stable":{"app":"v1"}}"#
        try expectRoundTrip(
            OutcomeStage(of: "sms", epoch: 3, releases: [.canary: [.app: "v2"], .stable: [.app: "v1"]], id: .max),
            as: #"{"epoch":3,"id":18446744073709551615,"releases":\#(releases),"rollout":"sms"}"#
        )
        let text = #"{"epoch":0,"id":1,"releases":{},"rollout":"no name"}"#
        #expect(problem(OutcomeStage.self, text)?.contains(#"found "no name""#) == true)
    }

    @Test(
        "Text that is not a name is refused, and the error says what a name is",
        arguments: ["", "a b", "ä", "\u{212A}"]
    )
    func notNames(_ text: String) throws {
        let json = try json([text])
        let message = "expected a name, 1 ... 64 of the characters A-Z a-z 0-9 . _ -, found \(quoted(text))"
        #expect(problem([RolloutID].self, json) == message)
        #expect(problem([VariantName].self, json) == message)
        #expect(problem([Release.Component].self, json) == message)
        let object = json.replacing("[", with: "{").replacing("]", with: ":1}")
        #expect(problem([VariantName: Int].self, object) != nil)
        #expect(problem([VariantName].self, "[\"\(String(repeating: "a", count: 65))\"]") != nil)
        #expect(problem([VariantName].self, "[1]") != nil)
    }

    @Test("A release is an object of component and version")
    func releases() throws {
        try expectRoundTrip(["app": "v2", "model": "m 2"] as Release, as: #"{"app":"v2","model":"m 2"}"#)
        try expectRoundTrip([:] as Release, as: "{}")
        #expect(
            problem(Release.self, #"{"an app":"v2"}"#)
                == #"expected a name, 1 ... 64 of the characters A-Z a-z 0-9 . _ -, found "an app""#
        )
        for text in [#"{"app":2}"#, #"{"app":null}"#, #"["app","v2"]"#, #""v2""#] {
            #expect(problem(Release.self, text) != nil, "\(text)")
        }
    }

    @Test(
        "A share is its percentage, exactly",
        arguments: [
            (0, "0"), (1, "0.0001"), (333_333, "33.3333"), (290_000, "29"), (575_700, "57.57"), (999_999, "99.9999"),
            (1_000_000, "100"),
        ]
    )
    func shares(_ buckets: Int, _ text: String) throws {
        let share = try #require(Share(buckets: buckets))
        try expectRoundTrip([share], as: "[\(text)]")
        #expect(try JSONDecoder().decode([Share].self, from: Data("[\"\(text)\"]".utf8)) == [share])
    }

    @Test("Every share comes back from its percentage")
    func everyShare() throws {
        let shares = try stride(from: 0, through: Share.bucketCount, by: 37).map { try #require(Share(buckets: $0)) }
        #expect(try JSONDecoder().decode([Share].self, from: JSONEncoder().encode(shares)) == shares)
    }

    @Test(
        "What is not a multiple of 0.0001 in 0 ... 100 is not a share",
        arguments: [
            ("0.00005", "5e-05"), ("100.0001", "100.0001"), ("-1", "-1.0"), ("33.33333", "33.33333"),
            (#""33.33333""#, #""33.33333""#), (#""10 %""#, #""10 %""#), (#""""#, #""""#),
        ]
    )
    func notShares(_ text: String, _ found: String) {
        let message = "expected a percentage, a multiple of 0.0001 in 0 ... 100, found \(found)"
        #expect(problem([Share].self, "[\(text)]") == message)
    }

    @Test("What is neither a number nor a text is not a share", arguments: ["null", "true", "[]", "{}"])
    func wrongTypes(_ text: String) {
        #expect(problem([Share].self, "[\(text)]") != nil)
    }
}
