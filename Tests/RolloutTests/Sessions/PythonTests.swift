import Foundation
import Testing

@testable import Rollout

/// What Python's own `hmac`, `hashlib` and `base64` say of our signatures and tokens.
@Suite("Python agrees", .enabled(if: Python.isThere, "python3 is not installed: signatures are not checked against it"))
struct PythonTests {
    @Test("with the tags of thousands of random messages under random keys")
    func tags() throws {
        var generator = SplitMix64(seed: 256)
        let count = StressEffort.isLong ? 10_000 : 3_000
        var lines = ""
        var ours: [String] = []
        for _ in 0..<count {
            let key = (0..<Int.random(in: 1...100, using: &generator)).map { _ in
                UInt8(truncatingIfNeeded: generator.next())
            }
            let message = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
                UInt8(truncatingIfNeeded: generator.next())
            }
            lines += "\(hexadecimal(key)) \(hexadecimal(message))\n"
            let hmac = HMACSHA256(key: key)
            let tag = unsafe message.withUnsafeBytes { message in unsafe hmac.tag(of: message) }
            ours.append(hexadecimal(tag.bytes))
        }
        let theirs = try Python.run(
            """
            import hmac, sys
            for line in sys.stdin:
                key, message = (bytes.fromhex(text) for text in line.rstrip("\\n").split(" "))
                print(hmac.new(key, message, "sha256").hexdigest())
            """,
            input: lines
        )
        #expect(theirs.split(separator: "\n").map(String.init) == ours)
    }

    @Test(
        "with a token, by the contract alone",
        arguments: [
            (unit: "alice", host: "SMS-app.local:8443", domain: nil, scope: "sms-app.local"),
            (unit: "e\u{301}", host: "", domain: nil, scope: ""),
            (unit: "", host: "sms-app.local", domain: nil, scope: "sms-app.local"),
            (unit: "alice", host: "www.sms-app.local", domain: ".SMS-app.local", scope: "sms-app.local"),
            (unit: "", host: "", domain: "sms-app.local", scope: "sms-app.local"),
        ]
    )
    func token(_ row: (unit: String, host: String, domain: String?, scope: String)) throws {
        let (_, handle) = try Fixture.router(Fixture.policy { $0.sticky?.domain = row.domain })
        let answer = try Fixture.sessions().route(
            SessionRequest(unit: row.unit, host: row.host, now: Fixture.now),
            through: handle
        )
        let header = try #require(answer.setCookie)
        let script = """
            import base64, hashlib, hmac, struct, sys
            cookie, unit, scope, key = (sys.stdin.readline().rstrip("\\n") for _ in range(4))
            token = base64.urlsafe_b64decode(cookie)
            message = b"rollout.sticky.v1\\0"
            for text in ["sms", scope, unit]:
                message += struct.pack(">I", len(text.encode())) + text.encode()
            tag = hmac.new(bytes.fromhex(key), message + token[:26], "sha256").digest()[:16]
            version, key, variant, bucket, epoch, revision, issued, expires = struct.unpack(">BBIIIIII", token[:26])
            names = {struct.unpack(">I", hashlib.sha256(b"sms\\0" + n).digest()[:4])[0]: n.decode()
                     for n in [b"stable", b"canary"]}
            print(len(token), tag == token[26:], version, key, names.get(variant), bucket, epoch, revision, issued, expires)
            """
        let value = header.dropFirst(Fixture.cookieName.count + 1).prefix(56)
        let input = "\(value)\n\(row.unit)\n\(row.scope)\n\(hexadecimal(Fixture.secret(7)))\n"
        let said = try Python.run(script, input: input)
        let decision = answer.decision
        let times = "\(Fixture.now - 30) \(Fixture.now - 30 + 3600)"
        let bucket = try #require(decision.bucket)
        #expect(said == "42 True 1 7 \(decision.variant.name) \(bucket) 3 7 \(times)\n")
    }
}

/// The `python3` of the machine, if it has one.
enum Python {
    static let isThere = (try? run("print(1)", input: "")) == "1\n"

    static func run(_ script: String, input: String) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "rollout-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // Through a file: a pipe that nobody empties while it is filled would block both sides.
        let file = folder.appending(path: "input")
        try Data(input.utf8).write(to: file)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script]
        process.standardInput = try FileHandle(forReadingFrom: file)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }
}
