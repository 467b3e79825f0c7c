import Foundation
import Testing

@testable import Rollout

@Suite("An assignment in a store")
struct AssignmentTests {
    @Test("is an object with all four keys")
    func format() throws {
        let tag = VariantTag("canary", in: "sms").rawValue
        let held = try #require(Assignment(variant: "canary", of: "sms", bucket: 7, epoch: 3, revision: 4_294_967_295))
        #expect(try json(held) == #"{"bucket":7,"epoch":3,"revision":4294967295,"variant":\#(tag)}"#)
        let outside = try #require(Assignment(variant: nil, of: "sms", bucket: nil, epoch: 0, revision: 0))
        #expect(try json(outside) == #"{"bucket":null,"epoch":0,"revision":0,"variant":null}"#)
    }

    @Test("comes back as it was", arguments: [nil, "canary", "stable"] as [VariantName?])
    func roundTrip(_ variant: VariantName?) throws {
        for bucket in [nil, 0, 999_999] {
            let held = try #require(Assignment(variant: variant, of: "sms", bucket: bucket, epoch: .max, revision: 9))
            let text = try json(held)
            #expect(try JSONDecoder().decode(Assignment.self, from: Data(text.utf8)) == held)
        }
    }

    @Test("is an invitation if that stands in the place of the bucket, and a variant is named")
    func invitation() throws {
        for (variant, isInvitation) in [("1", true), ("null", false)] {
            let text = #"{"bucket":4294967295,"epoch":3,"revision":7,"variant":\#(variant)}"#
            let assignment = try JSONDecoder().decode(Assignment.self, from: Data(text.utf8))
            #expect(assignment.isInvitation == isInvitation && assignment.bucket == nil)
            #expect(try json(assignment) == (isInvitation ? text : text.replacing("4294967295", with: "null")))
        }
    }

    struct Flaw: Sendable, CustomTestStringConvertible {
        let key: String
        /// Nil for no such key.
        let value: String?
        var message: String?
        var testDescription: String { "\(key) \(value ?? "missing")" }
    }

    @Test(
        "is refused if a key is missing, or a number outside its range",
        arguments: [
            Flaw(key: "variant", value: nil), Flaw(key: "bucket", value: nil), Flaw(key: "epoch", value: nil),
            Flaw(key: "revision", value: nil), Flaw(key: "epoch", value: "null"), Flaw(key: "revision", value: "null"),
            Flaw(key: "variant", value: "0", message: "expected null or 1 ... 4294967295, found 0"),
            Flaw(key: "variant", value: "4294967296", message: "expected null or 1 ... 4294967295, found 4294967296"),
            Flaw(key: "variant", value: #""canary""#),
            Flaw(key: "bucket", value: "-1", message: "expected null, 4294967295 or 0 ... 999999, found -1"),
            Flaw(key: "bucket", value: "1000000", message: "expected null, 4294967295 or 0 ... 999999, found 1000000"),
            Flaw(key: "bucket", value: "1048575", message: "expected null, 4294967295 or 0 ... 999999, found 1048575"),
            Flaw(
                key: "bucket",
                value: "4294967296",
                message: "expected null, 4294967295 or 0 ... 999999, found 4294967296"
            ),
            Flaw(key: "bucket", value: "0.5"), Flaw(key: "bucket", value: "1e30"),
            Flaw(key: "epoch", value: "4294967296", message: "expected 0 ... 4294967295, found 4294967296"),
            Flaw(key: "revision", value: "-1", message: "expected 0 ... 4294967295, found -1"),
        ]
    )
    func flaws(_ flaw: Flaw) throws {
        var members = ["variant": "1", "bucket": "7", "epoch": "3", "revision": "7"]
        let good = "{" + members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
        #expect(throws: Never.self) { try JSONDecoder().decode(Assignment.self, from: Data(good.utf8)) }
        members[flaw.key] = flaw.value
        let text = "{" + members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(Assignment.self, from: Data(text.utf8))
        }
        guard let message = flaw.message, case .dataCorrupted(let context) = error else {
            #expect(flaw.message == nil, "\(String(describing: error))")
            return
        }
        #expect(context.debugDescription == message)
        #expect(context.codingPath.last?.stringValue == flaw.key)
    }

    @Test("cannot be made for a name that no policy can have: its tag is that of a visitor who is not enrolled")
    func tagOfNobody() {
        // Found by trying: SHA-256 of "sms", a zero and this name begins with four zero bytes.
        #expect(Assignment(variant: "v1102552066", of: "sms", bucket: 7, epoch: 0, revision: 0) == nil)
        #expect(Assignment(variant: "v1102552066", of: "ui", bucket: 7, epoch: 0, revision: 0) != nil)
    }

    private func json(_ assignment: Assignment) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(assignment), as: UTF8.self)
    }
}
