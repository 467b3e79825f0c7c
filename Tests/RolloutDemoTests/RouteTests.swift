import Testing

@Suite("route: what is decided")
struct RouteTests {
    @Test("Decision lines, byte for byte; the buckets were computed by Python's xxhash")
    func golden() throws {
        let requests = """
            {"unit":"alice"}
            {"unit":42}
            {"unit":"42"}
            {"unit":15,"host":"www.example.org"}
            {"unit":"qa-1"}
            {"unit":"alice","host":"CANARY.sms-app.local.:443"}
            {}
            {"rollout":"recommender","unit":"55"}
            {"rollout":"ranker","unit":"42"}
            {"rollout":"ranker","unit":"user-4"}
            {"rollout":"ui","unit":"a\\"\\u0000\\n\\u00e9"}
            """
        let v1 = #""release":{"app":"v1","model":"v1"}"#
        let v2 = #""release":{"app":"v2","model":"v2"}"#
        let tail = #""revision":7,"shadow":null,"setCookie":null}"#
        let r1 = #""variant":"primary","release":{"model":"r1"},"reason":"fixed","bucket":null,"revision":7"#
        let decisions = [
            #"{"line":1,"rollout":"sms","unit":"alice","variant":"stable",\#(v1),"reason":"split","bucket":812925,\#(tail)"#,
            #"{"line":2,"rollout":"sms","unit":42,"variant":"stable",\#(v1),"reason":"split","bucket":174668,\#(tail)"#,
            #"{"line":3,"rollout":"sms","unit":"42","variant":"stable",\#(v1),"reason":"split","bucket":174668,\#(tail)"#,
            #"{"line":4,"rollout":"sms","unit":15,"variant":"canary",\#(v2),"reason":"split","bucket":54952,\#(tail)"#,
            #"{"line":5,"rollout":"sms","unit":"qa-1","variant":"canary",\#(v2),"reason":"forced","bucket":null,\#(tail)"#,
            #"{"line":6,"rollout":"sms","unit":"alice","variant":"canary",\#(v2),"reason":"host","bucket":null,\#(tail)"#,
            #"{"line":7,"rollout":"sms","unit":null,"variant":"stable",\#(v1),"reason":"missing_unit","bucket":null,\#(tail)"#,
            #"{"line":8,"rollout":"recommender","unit":"55","variant":"treatment","release":{"model":"als-0.4"},"#
                + #""reason":"split","bucket":560526,\#(tail)"#,
            #"{"line":9,"rollout":"ranker","unit":"42",\#(r1),"shadow":null,"setCookie":null}"#,
            #"{"line":10,"rollout":"ranker","unit":"user-4",\#(r1),"#
                + #""shadow":{"variant":"shadow","release":{"model":"r2"}},"setCookie":null}"#,
            #"{"line":11,"rollout":"ui","unit":"a\"\u0000\né","variant":"stable","release":{"app":"v3"},"#
                + #""reason":"fixed","bucket":null,\#(tail)"#,
        ]
        let result = try Demo.run("route", "--policy", Recorded.strategies, "--rollout", "sms", input: requests)
        #expect(result.status == 0)
        #expect(result.lines == decisions)
    }

    @Test(
        "A unit comes back as it came, and none as null",
        arguments: [
            (#""alice""#, #""alice""#), (#"" x ""#, #"" x ""#), (#""\u0041""#, #""A""#), (#""🦊""#, #""🦊""#),
            ("0", "0"), ("-0", "-0"), ("-9223372036854775808", "-9223372036854775808"),
            ("9223372036854775808", "9223372036854775808"), ("18446744073709551615", "18446744073709551615"),
            ("null", "null"), (#""""#, "null"),
        ]
    )
    func goodUnits(unit: String, written: String) throws {
        let result = try Demo.run("route", "--quiet", "--policy", Recorded.policy, input: #"{"unit": \#(unit)}"#)
        #expect(result.status == 0)
        #expect(result.error == "")
        #expect(result.lines.first?.hasPrefix(#"{"line":1,"rollout":"sms","unit":\#(written),"variant":"#) == true)
    }

    @Test("An integer is its decimal text, also as minus zero", arguments: [("42", "42"), ("-0", "0"), ("-7", "-7")])
    func integersAreText(number: String, text: String) throws {
        let input = "{\"unit\":\(number)}\n{\"unit\":\"\(text)\"}"
        let lines = try Demo.run("route", "--quiet", "--policy", Recorded.policy, input: input).lines
        #expect(Set(lines.map { $0.drop { $0 != "v" } }).count == 1)
        #expect(lines.count == 2)
    }

    @Test(
        "A line that is not a request is named with what was expected, and the rest is routed",
        arguments: [
            (#"{"unit":1.0}"#, #"expected "unit" to be a string or an integer in -2^63 ... 2^64-1, found 1.0"#),
            (#"{"unit":1e3}"#, "found 1e3"),
            (#"{"unit":18446744073709551616}"#, "found 18446744073709551616"),
            (#"{"unit":-9223372036854775809}"#, "found -9223372036854775809"),
            (#"{"unit":[1]}"#, "found an array"),
            (#"{"unit":{"id":1}}"#, "found an object"),
            (#"{"unit":true}"#, "found true"),
            (#"{"unit":"a","host":1}"#, #"expected "host" to be a string, found 1"#),
            (#"{"unit":"a","cookies":[]}"#, #"expected "cookies" to be a string, found an array"#),
            (#"{"unit":"a","rollout":7}"#, #"expected "rollout" to be a string, found 7"#),
            (#"{"unit":"a","rollout":"smss"}"#, #"unknown rollout "smss"; did you mean "sms"?"#),
            (#"{"unit":"a","rollout":""}"#, #"unknown rollout """#),
            ("{\"unit\":\"a\",\"rollout\":\"\\u212a\"}", "unknown rollout"),
            (#"{"unit":"a","unit":"b"}"#, #"expected each key once, found "unit" twice"#),
            (#"{"unit":"a","un\u0069t":"a"}"#, #"expected each key once, found "unit" twice"#),
            (#"[{"unit":"a"}]"#, "expected an object"),
            (#""alice""#, "expected an object"),
            ("alice", "expected a value, found 'a' (byte 1)"),
            (#"{"unit":"a""#, "found the end of the text (byte 12)"),
            (#"{"unit":"a"} {"unit":"b"}"#, "expected the end of the text"),
            (#"{'unit':'a'}"#, "expected a key in quotation marks"),
            (#"{"unit":"\ud800"}"#, "surrogate"),
            ("\u{FEFF}{}", "byte order mark"),
        ]
    )
    func badLines(line: String, message: String) throws {
        let input = "{\"unit\":\"x\"}\n\(line)\n{\"unit\":\"y\"}\n"
        let result = try Demo.run("route", "--quiet", "--policy", Recorded.policy, input: input)
        #expect(result.status == 1)
        #expect(result.lines.count == 2)
        #expect(result.errorLines.count == 1)
        #expect(result.error.hasPrefix("line 2: "))
        #expect(result.error.contains(message), "\(result.error)")
    }

    @Test("Other keys are ignored, whatever they hold, and blank lines skipped")
    func ignored() throws {
        let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        let input = """

            {"time":1.5e3,"unit":"alice","tags":["a",{"b":null}],"x":1,"x":2}
             \t\u{20}
            {"unit":"bob","deep":\(deep)}

            """
        let result = try Demo.run("route", "--quiet", "--policy", Recorded.policy, input: input)
        #expect(result.status == 0)
        #expect(result.error == "")
        #expect(result.lines.count == 2)
    }

    @Test("The line's rollout comes first, then --rollout, then the only one; else the line is an error")
    func rollouts() throws {
        let input = "{\"rollout\":\"ui\"}\n{\"rollout\":null}\n"
        let without = try Demo.run("route", "--quiet", "--policy", Recorded.strategies, input: input)
        #expect(without.status == 1)
        #expect(without.lines.count == 1)
        #expect(without.error.hasPrefix(#"line 2: expected "rollout", found none, and no --rollout is given; "#))
        let with = try Demo.run(
            "route",
            "--quiet",
            "--policy",
            Recorded.strategies,
            "--rollout",
            "ranker",
            input: input
        )
        #expect(with.status == 0)
        #expect(
            with.lines.map { $0.prefix(29) } == [#"{"line":1,"rollout":"ui","uni"#, #"{"line":2,"rollout":"ranker","#]
        )
        let unknown = try Demo.run("route", "--policy", Recorded.strategies, "--rollout", "rnaker", input: input)
        #expect(unknown.status == 2)
        #expect(unknown.text == "")
        #expect(unknown.error.contains(#"--rollout: unknown rollout "rnaker"; did you mean "ranker"?"#))
    }

    @Test("The policy and the requests cannot both be standard input", arguments: [[], ["-"]])
    func oneStandardInput(requests: [String]) throws {
        let policy = try Recorded.text(Recorded.policy)
        let both = try Demo.run(["route", "--policy", "-"] + requests, input: policy.utf8)
        #expect(both.status == 2)
        #expect(both.text == "")
        #expect(both.error.hasPrefix("RolloutDemo: route: the policy and the requests cannot both be standard input"))
        let one = try Demo.run(["route", "--quiet", "--policy", "-", Recorded.log], input: policy.utf8)
        #expect(one.status == 0)
        #expect(one.lines.count == 2_000)
    }

    @Test("A policy without rollouts decides nothing, line by line")
    func emptyPolicy() throws {
        let folder = try TemporaryFolder()
        let path = try folder.path("p.json", #"{"schema": 1, "revision": 1, "rollouts": {}}"#)
        let result = try Demo.run("route", "--policy", path, input: "{}\n{\"rollout\":\"sms\"}")
        #expect(result.status == 1)
        #expect(result.text == "")
        #expect(result.error.contains("line 1: expected \"rollout\", found none"))
        #expect(result.error.contains("line 2: unknown rollout \"sms\"\n"))
    }
}
