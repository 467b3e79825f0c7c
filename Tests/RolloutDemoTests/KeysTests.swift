import Foundation
import Testing

@Suite("keys")
struct KeysTests {
    @Test("A fresh line is a number and 32 bytes in base64, and each is another")
    func fresh() throws {
        let results = try (0..<3).map { _ in try Demo.run("keys", "new") }
        #expect(results.allSatisfy { $0.status == 0 && $0.error == "" && $0.lines.count == 1 })
        let secrets = try results.map { result in
            let parts = try #require(result.lines.first).split(separator: " ")
            #expect(parts.count == 2)
            #expect(UInt8(parts[0]) != nil, "\(parts[0]) is no number in 0 ... 255")
            return try #require(Data(base64Encoded: String(parts[1])))
        }
        #expect(secrets.allSatisfy { $0.count == 32 })
        #expect(Set(secrets).count == 3)
    }

    @Test("A fresh line, kept as only its owner can read it, signs cookies")
    func signs() throws {
        let sticky = try StickyPolicy()
        let keys = try sticky.folder.path("fresh", Demo.run("keys", "new").text, permissions: 0o400)
        let result = try sticky.route(#"{"unit":"alice"}"#, "--keys", keys)
        #expect(result.status == 0)
        #expect(result.text.contains(#""setCookie":"sms-app-version="#))
    }

    @Test(
        "A key file that cannot be used ends with 2, where it is wrong, and no output",
        arguments: [
            ("", 0o600, "there is no key"),
            (StickyPolicy.key, 0o640, "permissions 0640, so its group may use it, and only its owner may (chmod 600"),
            (StickyPolicy.key, 0o604, "has the permissions 0604"),
            ("# first\n7 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", 0o600, "keys:2: "),
            ("7 nonsense!", 0o600, "keys:1: "),
            ("256 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 0o600, "keys:1: expected a number from 0 to 255"),
            (StickyPolicy.key + "\n" + StickyPolicy.key, 0o600, "keys:2: key 7 is there twice"),
        ]
    )
    func unusable(text: String, permissions: Int, message: String) throws {
        let sticky = try StickyPolicy()
        let keys = try sticky.folder.path("keys", text, permissions: permissions)
        for result in [try sticky.route("{}", "--keys", keys), try sticky.explain("--keys", keys)] {
            #expect(result.status == 2)
            #expect(result.text == "")
            #expect(result.error.hasPrefix("RolloutDemo: --keys: "))
            #expect(result.error.contains(message), "\(result.error)")
        }
    }

    @Test("A key file that is mounted for a group or for everyone has to be allowed by name")
    func mounted() throws {
        let sticky = try StickyPolicy()
        let option = "--keys-readable-by"
        for (permissions, allowed, other) in [(0o440, "group", nil), (0o444, "everyone", "group")]
            as [(Int, String, String?)]
        {
            let keys = try sticky.folder.path("keys", StickyPolicy.key, permissions: permissions)
            defer { try? FileManager.default.removeItem(atPath: keys) }
            for result in [
                try sticky.route(#"{"unit":"alice"}"#, "--keys", keys, option, allowed),
                try sticky.explain("--keys", keys, option, allowed, "--unit", "alice"),
            ] {
                #expect(result.status == 0 && result.text.contains("sms-app-version="), "\(result.error)")
            }
            let refused = try sticky.route("{}", "--keys", keys)
            #expect(refused.status == 2 && refused.error.contains("allow it with SigningKeys(contentsOf:allowing: ."))
            let helpful = other == nil ? "group or everyone" : "everyone"
            #expect(refused.error.hasSuffix("; here: --keys-readable-by \(helpful)\n"), "\(refused.error)")
            if let other {
                let result = try sticky.route("{}", "--keys", keys, option, other)
                #expect(result.status == 2 && result.error.contains("only its owner and its group may (chmod 640"))
                #expect(result.error.hasSuffix("; here: --keys-readable-by everyone\n"), "\(result.error)")
            }
        }
        // Nothing helps if others may write.
        let writable = try sticky.folder.path("writable", StickyPolicy.key, permissions: 0o660)
        for words in [[], [option, "group"], [option, "everyone"]] {
            let call = ["route", "--policy", sticky.policy, "--keys", writable] + words
            let result = try Demo.run(call, input: [])
            #expect(result.status == 2 && result.error.contains("(chmod 600 \(writable))"), "\(result.error)")
            #expect(!result.error.contains("; here: "), "\(result.error)")
        }
        let unknown = try sticky.route("{}", "--keys", sticky.keys, option, "grup")
        #expect(unknown.status == 2 && unknown.error.contains(#"unknown "grup"; did you mean "group"?"#))
        let useless = try sticky.explain(option, "group")
        #expect(useless.status == 2 && useless.error.contains("--keys-readable-by has no effect without --keys FILE"))
    }

    @Test("A key file that is not there ends with 2")
    func missing() throws {
        for (path, problem) in [
            ("/nowhere/keys", "/nowhere: cannot open the directory: "), ("/keys", "/keys: cannot open: "),
        ] {
            let result = try StickyPolicy().route("{}", "--keys", path)
            #expect(result.status == 2)
            #expect(result.error.contains(problem))
        }
    }
}
