import Foundation
import Testing

@testable import Rollout

/// The decisions of `Vectors/decisions.json`, which other languages reproduce too.
@Suite("Golden decisions")
struct GoldenDecisionTests {
    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Vectors")
    private static let file = folder.appending(path: "decisions.json")

    private func vectors() throws -> JSONValue { try JSONDocument(parsing: Array(Data(contentsOf: Self.file))).root }

    /// A unit as vectors write it: a string or an integer.
    private func unit(_ value: JSONValue?) -> String? { value?.string ?? value?.numberText }

    @Test("Buckets are those of the contract")
    func buckets() throws {
        let rows = try #require(try vectors()["buckets"])
        #expect(rows.count > 100)
        for row in rows.elements {
            let row = Array(row.elements)
            let salt = try #require(row[0].string)
            let unit = try #require(self.unit(row[1]))
            let bucket = Bucketing.bucket(ofKey: XXH3.hash(unit), saltHash: Bucketing.saltHash(salt))
            #expect(Int(bucket) == row[2].integer(as: Int.self), "salt \(salt.debugDescription), unit \(unit)")
            #expect(ReferenceBucketing.bucket(unit: unit, salt: salt) == Int(bucket))
        }
    }

    @Test("Decisions are those of the vectors")
    func decisions() throws {
        let vectors = try vectors()
        let policy = try RolloutPolicy(json: JSONTree(try #require(vectors["policy"])).canonicalText)
        let router = try RolloutRouter(policy: policy)
        let cases = try #require(vectors["cases"])
        #expect(cases.count > 200)
        for row in cases.elements {
            let id = try #require(row["rollout"]?.string.flatMap { RolloutID($0) })
            let handle = try #require(router.rollout(id))
            let decision = handle.decision(for: unit(row["unit"]), host: row["host"]?.string)
            let expected = try #require(row["decision"])
            #expect(tree(decision).canonicalText == JSONTree(expected).canonicalText, "\(row.position)")
        }
    }

    private func tree(_ decision: Decision) -> JSONTree {
        .object([
            ("variant", .string(decision.variant.name.text)),
            ("release", PolicyWriter.tree(of: decision.variant.release)),
            ("reason", .string(decision.reason.description)),
            ("bucket", decision.bucket.map { .integer($0) } ?? .null),
            ("shadow", decision.shadow.map { .string($0.name.text) } ?? .null),
            ("revision", .integer(Int(decision.revision))),
        ])
    }

    private static let hasHash = run(["python3", "-c", "import xxhash"])?.status == 0

    @Test("Python draws the same buckets", .enabled(if: hasHash, "needs python3 with the xxhash package"))
    func python() throws {
        let reader = Self.folder.appending(path: "reader.py").path
        let result = try #require(Self.run(["python3", reader, Self.file.path]))
        #expect(result.status == 0)
        let count = try #require(try vectors()["buckets"]).count
        #expect(result.output == "\(count) of \(count) buckets agree\n")
    }

    private static func run(_ arguments: [String]) -> (status: Int32, output: String)? {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
