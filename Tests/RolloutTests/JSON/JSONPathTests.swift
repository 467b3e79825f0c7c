import Testing

@testable package import Rollout

@Suite("JSON paths")
struct JSONPathTests {
    static let text = #"""
        {"rollouts": {"sms": {"strategy": {"variants": [{"weight": 1}, {"weight": [2, 3]}]},
                      "hosts": {"stable.sms-app.local": "stable", "a\"b": 1, "": 2, "é": 3}}},
         "list": [[], [[7]]]}
        """#

    @Test(
        "A value's path reads like an expression and leads back to it",
        arguments: [
            ("", [], "an object"),
            (
                "rollouts.sms.strategy.variants[1].weight", ["rollouts", "sms", "strategy", "variants", 1, "weight"],
                "an array"
            ),
            (
                "rollouts.sms.strategy.variants[1].weight[1]",
                ["rollouts", "sms", "strategy", "variants", 1, "weight", 1], "3"
            ),
            (
                #"rollouts.sms.hosts["stable.sms-app.local"]"#, ["rollouts", "sms", "hosts", "stable.sms-app.local"],
                #""stable""#
            ),
            (#"rollouts.sms.hosts["a\"b"]"#, ["rollouts", "sms", "hosts", "a\"b"], "1"),
            (#"rollouts.sms.hosts[""]"#, ["rollouts", "sms", "hosts", ""], "2"),
            (#"rollouts.sms.hosts["é"]"#, ["rollouts", "sms", "hosts", "é"], "3"),
            ("list[1][0][0]", ["list", 1, 0, 0], "7"),
        ] as [(String, JSONPath, String)]
    )
    func paths(description: String, path: JSONPath, excerpt: String) throws {
        var locator = PolicyLocator(try JSONDocument(parsing: Array(Self.text.utf8)))
        let value = locator.value(at: path)
        #expect(value.excerpt == excerpt)
        #expect(value.path == path)
        #expect(path.description == description)
    }

    @Test(
        "What is missing is looked for as far as the document goes",
        arguments: [
            (["revision"], ""), (["rollouts", "ui", "strategy"], "rollouts"), (["list", 2], "list"),
            (["list", -1], "list"),
            (["list", "a"], "list"), ([0], ""), (["list", 1, 0, 0, "a", 3], "list[1][0][0]"),
            (["rollouts", "sms", "hosts", "e\u{301}"], "rollouts.sms.hosts"),
        ] as [(JSONPath, String)]
    )
    func nearest(path: JSONPath, expected: String) throws {
        var locator = PolicyLocator(try JSONDocument(parsing: Array(Self.text.utf8)))
        #expect(locator.value(at: path).path.description == expected)
    }

    @Test("Keys compare by bytes")
    func equality() {
        let composed = JSONPath().appending("caf\u{E9}")
        let decomposed = JSONPath().appending("cafe\u{301}")
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed, JSONPath().appending("caf\u{E9}")]).count == 2)
        #expect(JSONPath().appending("0") != JSONPath().appending(0))
    }

    @Test("A path that starts with an index, or has keys that are no names, is written so")
    func descriptions() {
        #expect(JSONPath().appending(0).appending("a").description == "[0].a")
        #expect(JSONPath().appending("a.b").appending("c_-9").description == #"["a.b"].c_-9"#)
        #expect(JSONPath().appending("\n").description == #"["\n"]"#)
        let long = String(repeating: "a", count: PolicyLimits.textBytes)
        #expect(JSONPath().appending(long).description == long)
        #expect(JSONPath().appending(long + "a").appending("b").description == "[\"\(long.prefix(37))…\"].b")
    }
}

extension JSONPath: ExpressibleByArrayLiteral {
    package init(arrayLiteral elements: Element...) { self.init(elements) }
}

extension JSONPath.Element: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    package init(stringLiteral key: String) { self = .key(key) }
    package init(integerLiteral index: Int) { self = .index(index) }
}
