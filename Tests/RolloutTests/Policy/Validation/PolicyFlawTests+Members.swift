@testable import Rollout

extension PolicyFlawTests {
    static let members: [PolicyFlaw] = [
        .member(
            "empty salt",
            #""salt": ▸"""#,
            .badText,
            ".salt",
            "expected a text of 1 ... 1,024 bytes, found 0 bytes"
        ),
        .member(
            "salt with U+0000",
            #""salt": ▸"a\u0000b""#,
            .badText,
            ".salt",
            "expected a text of 1 ... 1,024 bytes, found one with U+0000"
        ),
        .member(
            "salt of 1,026 bytes in 513 characters",
            "\"salt\": ▸\"\(String(repeating: "\u{E9}", count: 513))\"",
            .badText,
            ".salt",
            "expected a text of 1 ... 1,024 bytes, found 1,026 bytes"
        ),
        .member("salt null", #""salt": ▸null"#, .wrongType, ".salt", "expected a string, found null"),
        .member(
            "epoch above 32 bits",
            #""epoch": ▸4294967296"#,
            .outOfRange,
            ".epoch",
            "expected an integer in 0 ... 4,294,967,295, found 4294967296"
        ),
        .member(
            "foreign pin",
            #""sticky": {"cookie": "c", "maxAge": 60, "pin": ▸"user"}"#,
            .unknownValue,
            ".sticky.pin",
            #"expected "variant" or "bucket", found "user""#
        ),
        .member(
            "foreign missingUnit",
            #""missingUnit": ▸"random""#,
            .unknownValue,
            ".missingUnit",
            #"expected "first" or "assign", found "random""#
        ),
        .member(
            "assign without sticky",
            #""missingUnit": ▸"assign""#,
            .needsSticky,
            ".missingUnit",
            #""assign" needs "sticky": without a cookie nobody remembers what was assigned"#
        ),
        .member(
            "bucketing without hash",
            #""bucketing": ▸{}"#,
            .missing,
            ".bucketing",
            #""hash" is missing"#
        ),
        .member(
            "bucketing as text",
            #""bucketing": ▸"rollout""#,
            .wrongType,
            ".bucketing",
            #"expected an object, found "rollout""#
        ),
        .member(
            "compatible as an object",
            #""compatible": ▸{}"#,
            .wrongType,
            ".compatible",
            "expected an array, found an object"
        ),
        .member(
            "empty release among the compatible",
            #""compatible": [{"app": "v1"}, {"app": "v2"}, ▸{}]"#,
            .emptyRelease,
            ".compatible[2]",
            "expected a release with at least one component, found none"
        ),
        .rollout(
            "release that is not compatible",
            #"""
            {"strategy": {"type": "canary", "percent": 1, "stable": {"app": "v2", "model": "v2"},
              "canary": ▸{"app": "v2", "model": "v1"}},
             "compatible": [{"app": "v1", "model": "v1"}, {"model": "v2", "app": "v2"}]}
            """#,
            .incompatibleRelease,
            ".strategy.canary",
            #"app v2, model v1 is not among the releases that "compatible" lists"#
        ),
        .rollout(
            "part of a compatible release",
            #"""
            {"strategy": {"type": "fixed", "release": ▸{"app": "v2"}}, "compatible": [{"app": "v2", "model": "v2"}]}
            """#,
            .incompatibleRelease,
            ".strategy.release",
            #"app v2 is not among the releases that "compatible" lists"#
        ),
    ]

    static let rules: [PolicyFlaw] = [
        .member(
            "host to a variant that is none",
            #""hosts": {"a.example": ▸"beta"}"#,
            .unknownVariant,
            #".hosts["a.example"]"#,
            #"expected one of the variants "stable" or "canary", found "beta""#
        ),
        .member(
            "host to a text that is no name",
            #""hosts": {"a.example": ▸""}"#,
            .badName,
            #".hosts["a.example"]"#,
            #"expected a name, 1 ... 64 of the characters A-Z a-z 0-9 . _ -, found """#
        ),
        .member("hosts as a list", #""hosts": ▸[]"#, .wrongType, ".hosts", "expected an object, found an array"),
        .member("units as a list", #""forced": ▸["qa"]"#, .wrongType, ".forced", "expected an object, found an array"),
        .member(
            "unit to a number",
            #""forced": {"qa": ▸1}"#,
            .wrongType,
            ".forced.qa",
            "expected a string, found 1"
        ),
        .member(
            "host twice",
            #""hosts": {"A.example:80": "stable", ▸"a.EXAMPLE.": "canary"}"#,
            .duplicateHost,
            #".hosts["a.EXAMPLE."]"#,
            #""a.example" stands before; case, port and a trailing dot make no other host"#
        ),
        .member(
            "empty host",
            #""hosts": {"": ▸"stable"}"#,
            .badHost,
            #".hosts[""]"#,
            #"expected a host of 1 ... 1,024 bytes as a Host header has it, found """#
        ),
        .member(
            "host that is only a port",
            #""hosts": {":80": ▸"stable"}"#,
            .badHost,
            #".hosts[""]"#,
            #"expected a host of 1 ... 1,024 bytes as a Host header has it, found """#
        ),
        .member(
            "unit to a variant that is none",
            #""forced": {"qa-1": ▸"beta"}"#,
            .unknownVariant,
            ".forced.qa-1",
            #"expected one of the variants "stable" or "canary", found "beta""#
        ),
        .member(
            "empty unit",
            #""forced": {"": ▸"stable"}"#,
            .badText,
            #".forced[""]"#,
            "expected a text of 1 ... 1,024 bytes, found 0 bytes"
        ),
        .member(
            "unit twice",
            #""forced": {"qa": "stable", ▸"q\u0061": "stable"}"#,
            .duplicateKey,
            ".forced.qa",
            #""qa" stands in this object before"#
        ),
        .rollout(
            "unit to the shadow",
            #"""
            {"strategy": {"type": "shadow", "percent": 1, "primary": {"a": "1"}, "shadow": {"a": "2"}},
             "forced": {"qa": ▸"shadow"}}
            """#,
            .forbiddenVariant,
            ".forced.qa",
            #""shadow" receives copies and answers nobody; "primary" or "canary" may stand here"#
        ),
        .rollout(
            "host to the shadow",
            #"""
            {"strategy": {"type": "shadow", "percent": 1, "primary": {"a": "1"}, "shadow": {"a": "2"}},
             "hosts": {"h": ▸"shadow"}}
            """#,
            .forbiddenVariant,
            ".hosts.h",
            #""shadow" receives copies and answers nobody; "primary" or "canary" may stand here"#
        ),
        .rollout(
            "misspelt canary while there is none",
            #"{"strategy": {"type": "fixed", "release": {"a": "1"}}, "hosts": {"h": ▸"canery"}}"#,
            .unknownVariant,
            ".hosts.h",
            #"expected one of the variants "stable" or "canary", found "canery""#
        ),
        .rollout(
            "canary in another case",
            #"{"strategy": {"type": "fixed", "release": {"a": "1"}}, "forced": {"qa": ▸"Canary"}}"#,
            .unknownVariant,
            ".forced.qa",
            #"expected one of the variants "stable" or "canary", found "Canary""#
        ),
        .rollout(
            "stable beside a shadow",
            #"""
            {"strategy": {"type": "shadow", "percent": 1, "primary": {"a": "1"}, "shadow": {"a": "2"}},
             "forced": {"qa": ▸"stable"}}
            """#,
            .unknownVariant,
            ".forced.qa",
            #"expected one of the variants "primary" or "canary", found "stable""#
        ),
        .rollout(
            "canary that no test has",
            #"""
            {"strategy": {"type": "ab_test", "variants": [{"name": "a", "weight": 1, "release": {"a": "1"}}]},
             "forced": {"qa": ▸"canary"}}
            """#,
            .unknownVariant,
            ".forced.qa",
            #"expected the variant "a", found "canary""#
        ),
        .rollout(
            "canary disabled before it exists",
            #"{"strategy": {"type": "fixed", "release": {"a": "1"}}, "disabled": ▸["canary"]}"#,
            .unknownVariant,
            ".disabled",
            #"there is one variant, which cannot be disabled or draining; leave out "canary""#
        ),
        .member(
            "first variant disabled",
            #""disabled": ▸["stable"]"#,
            .forbiddenVariant,
            ".disabled",
            #""stable" is the first variant, which serves in place of all others"#
        ),
        .member(
            "first variant draining",
            #""draining": ▸["stable"]"#,
            .forbiddenVariant,
            ".draining",
            #""stable" is the first variant, which serves in place of all others"#
        ),
        .member(
            "disabled variant that is none",
            #""disabled": ▸["beta"]"#,
            .unknownVariant,
            ".disabled",
            #"expected the variant "canary", found "beta""#
        ),
        .member(
            "variant disabled twice",
            #""disabled": ["canary", ▸"canary"]"#,
            .duplicateVariant,
            ".disabled[1]",
            #""canary" is listed before"#
        ),
        .member(
            "disabled as text",
            #""disabled": ▸"canary""#,
            .wrongType,
            ".disabled",
            #"expected an array, found "canary""#
        ),
        .member(
            "variant with the Kelvin sign",
            "\"draining\": [▸\"\u{212A}\"]",
            .badName,
            ".draining[0]",
            "expected a name, 1 ... 64 of the characters A-Z a-z 0-9 . _ -, found \"\u{212A}\""
        ),
    ]

    static let cookies: [PolicyFlaw] = [
        .member("cookie missing", #""sticky": ▸{"maxAge": 60}"#, .missing, ".sticky", #""cookie" is missing"#),
        .member("age missing", #""sticky": ▸{"cookie": "c"}"#, .missing, ".sticky", #""maxAge" is missing"#),
        .member(
            "name as a number",
            #""sticky": {"cookie": ▸1, "maxAge": 60}"#,
            .wrongType,
            ".sticky.cookie",
            "expected a string, found 1"
        ),
        .member(
            "path null",
            #""sticky": {"cookie": "c", "maxAge": 60, "path": ▸null}"#,
            .wrongType,
            ".sticky.path",
            "expected a string, found null"
        ),
        .member(
            "age of 59 s",
            #""sticky": {"cookie": "c", "maxAge": ▸59}"#,
            .outOfRange,
            ".sticky.maxAge",
            "expected an integer in 60 ... 34,560,000, found 59"
        ),
        .member(
            "age above 400 days",
            #""sticky": {"cookie": "c", "maxAge": ▸34560001}"#,
            .outOfRange,
            ".sticky.maxAge",
            "expected an integer in 60 ... 34,560,000, found 34560001"
        ),
        .member(
            "misspelt key",
            #""sticky": {"cookie": "c", "maxAge": 60, ▸"samesite": "Lax"}"#,
            .unknownKey,
            ".sticky.samesite",
            #"unknown key; did you mean "sameSite"?"#
        ),
        .member(
            "secure as text",
            #""sticky": {"cookie": "c", "maxAge": 60, "secure": ▸"yes"}"#,
            .wrongType,
            ".sticky.secure",
            #"expected true or false, found "yes""#
        ),
        .member(
            "foreign sameSite",
            #""sticky": {"cookie": "c", "maxAge": 60, "sameSite": ▸"lax"}"#,
            .unknownValue,
            ".sticky.sameSite",
            #"expected "Strict", "Lax" or "None", found "lax""#
        ),
        .cookie(
            "empty name",
            #""cookie": ▸"", "maxAge": 60"#,
            ".cookie",
            #"expected a cookie name of 1 ... 4,040 visible ASCII characters without separators, found """#
        ),
        .cookie(
            "name with a separator",
            #""cookie": ▸"a=b", "maxAge": 60"#,
            ".cookie",
            #"expected a cookie name of 1 ... 4,040 visible ASCII characters without separators, found "a=b""#
        ),
        .cookie(
            "name too long for a browser",
            #""cookie": ▸"\#(String(repeating: "n", count: 4_041))", "maxAge": 60"#,
            ".cookie",
            "expected a cookie name of 1 ... 4,040 visible ASCII characters without separators, found "
                + "\"\(String(repeating: "n", count: 37))…\""
        ),
        .cookie(
            "path without a slash",
            #""cookie": "c", "maxAge": 60, "path": ▸"shop""#,
            ".path",
            #"expected a path that starts with "/", printable ASCII without ";" and without a space at its end, found "shop""#
        ),
        .cookie(
            "path with a semicolon",
            #""cookie": "c", "maxAge": 60, "path": ▸"/a;b""#,
            ".path",
            #"expected a path that starts with "/", printable ASCII without ";" and without a space at its end, found "/a;b""#
        ),
        .cookie(
            "path with a space after it",
            #""cookie": "c", "maxAge": 60, "path": ▸"/shop ""#,
            ".path",
            #"expected a path that starts with "/", printable ASCII without ";" and without a space at its end, found "/shop ""#
        ),
        .domain("empty domain", ""),
        .domain("domain that is a dot", "."),
        .domain("domain with an empty part", "a..b"),
        .domain("domain with two dots before it", "..a.example"),
        .domain("domain with a dot after it", "a.example."),
        .domain("domain with a part of 64 bytes", "\(String(repeating: "a", count: 64)).example"),
        .domain("domain of 255 bytes", String(repeating: "a.", count: 127) + "a"),
        .domain("domain with a port", "a.example:80"),
        .domain("domain with the Kelvin sign", "\u{212A}.example"),
        .cookie(
            "insecure with SameSite None",
            #""cookie": "c", "maxAge": 60, "secure": ▸false, "sameSite": "None""#,
            ".secure",
            #"SameSite "None" needs "secure": true"#
        ),
    ]

    static let hosts: [PolicyFlaw] = [
        .host("https://a.example", expected: characters),
        .host("a example", expected: characters),
        .host("a.example/", expected: characters),
        .host("a%2e.example", expected: characters),
        .host("a<b", expected: characters),
        .host("*", expected: #"a whole host, because "*" stands for no others"#),
        .host("*.a.example", expected: #"a whole host, because "*" stands for no others"#),
        .host("a.example:*", expected: #"a whole host, because "*" stands for no others"#),
        .host(".a.example", expected: "a host whose dots have a part on either side"),
        .host("a..example", expected: "a host whose dots have a part on either side"),
        .host("a.example..", as: "a.example.", expected: "a host whose dots have a part on either side"),
        .host("caf\u{E9}.example", expected: ascii),
        .host("\u{212A}.example", expected: ascii),
        .host("\u{FF41}.example", expected: ascii),
        .host("a.example:http", expected: PolicyFlaw.expectedPort),
        .host("a.example:80:80", expected: PolicyFlaw.expectedPort),
        .host("a.example:80.", as: "a.example:80", expected: PolicyFlaw.expectedPort),
        .host("a.example:+80", expected: PolicyFlaw.expectedPort),
        .host("[::1]:http", expected: PolicyFlaw.expectedPort),
        .port("a.example:0"),
        .port("a.example:65536"),
        .port("a.example:100000"),
        .port("a.example.:99999999999999999999"),
        .port("[::1]:000"),
        .port("10.0.0.1:65536"),
        .host("::1", expected: #"an IPv6 address in brackets, such as "[::1]""#),
        .host("2001:DB8::A", as: "2001:db8::a", expected: #"an IPv6 address in brackets, such as "[::1]""#),
        .host("::ffff:10.0.0.1", expected: #"an IPv6 address in brackets, such as "[::1]""#),
        .host("[]", expected: #"an IPv6 address between brackets, such as "[::1]""#),
        .host("[::1", expected: #"an IPv6 address between brackets, such as "[::1]""#),
        .host("[10.0.0.1]", expected: #"an IPv6 address between brackets, such as "[::1]""#),
        .host("[fe80::1%25eth0]", expected: #"an IPv6 address between brackets, such as "[::1]""#),
        .host("[1:2:3:4:5:6:7]", expected: #"an IPv6 address between brackets, such as "[::1]""#),
        .host("[1:2:3:4:5:6:7:8:9]", expected: #"an IPv6 address between brackets, such as "[::1]""#),
        .host("[1::2::3]", expected: #"an IPv6 address between brackets, such as "[::1]""#),
        .host("[:1:2:3:4:5:6:7]", expected: #"an IPv6 address between brackets, such as "[::1]""#),
        .host("[::12345]", expected: #"an IPv6 address between brackets, such as "[::1]""#),
        .host("[::1.2.3.256]", expected: #"an IPv6 address between brackets, such as "[::1]""#),
        .host("::1]", expected: characters),
    ]

    private static let characters = "a host of letters, digits and -._~!$&'()+;= as a Host header has it"
    private static let ascii =
        "a host in ASCII as a Host header has it (other letters travel as punycode, \"xn--…\")"

    static let domains: [PolicyFlaw] = [
        .address("10.0.0.1"), .address(".10.0.0.1"), .address("127.1"), .address("a.example.7"), .address("1"),
        .address("a.0x7F"), .address("::1"), .address("[2001:DB8::1]"),
        .domain("single label", "localhost", expected: atLeastTwo),
        .domain("single label with a dot before it", ".com", expected: atLeastTwo),
    ]

    private static let atLeastTwo = "a domain of at least two parts, or null for the answering host alone"

    static let prefixes: [PolicyFlaw] =
        [
            ("__Host-", "__Host-c"), ("__Secure-", "__SECURE-c"), ("__Secure-", "__secure-c"), ("__Http-", "__Http-c"),
            ("__Host-Http-", "__Host-Http-c"), ("__Host-Http-", "__hOST-hTTP-c"),
        ].map { prefix, name in
            .cookie(
                "insecure \(name)",
                #""cookie": "\#(name)", "maxAge": 60, "secure": ▸false"#,
                ".secure",
                #"a cookie called "\#(prefix)…" needs "secure": true"#
            )
        }
        + [("__Host-", "__host-c"), ("__Host-Http-", "__Host-Http-c")].flatMap { prefix, name in
            [
                .cookie(
                    "\(name) with a domain",
                    #""cookie": "\#(name)", "maxAge": 60, "domain": ▸"a.example""#,
                    ".domain",
                    #"a cookie called "\#(prefix)…" has no domain"#
                ),
                .cookie(
                    "\(name) with a path",
                    #""cookie": "\#(name)", "maxAge": 60, "path": ▸"/shop""#,
                    ".path",
                    #"a cookie called "\#(prefix)…" needs the path "/""#
                ),
            ]
        }

    static let overlaps: [PolicyFlaw] = [
        .overlap(
            "everywhere",
            "",
            "",
            #"path "/" and domain null beside path "/" and domain null"#
        ),
        .overlap(
            "one path below the other",
            "",
            #", "path": "/shop""#,
            #"path "/shop" and domain null beside path "/" and domain null"#
        ),
        .overlap(
            "paths that differ by a slash",
            #", "path": "/shop""#,
            #", "path": "/shop/""#,
            #"path "/shop/" and domain null beside path "/shop" and domain null"#
        ),
        .overlap(
            "a domain and the answering host",
            #", "domain": "a.example""#,
            "",
            #"path "/" and domain null beside path "/" and domain "a.example""#
        ),
        .overlap(
            "one domain in two spellings",
            #", "domain": "a.example""#,
            #", "domain": ".A.example""#,
            #"path "/" and domain ".A.example" beside path "/" and domain "a.example""#
        ),
        .overlap(
            "one domain inside the other",
            #", "domain": "a.example""#,
            #", "domain": "b.a.example""#,
            #"path "/" and domain "b.a.example" beside path "/" and domain "a.example""#
        ),
        .overlap(
            "one domain inside the other, one path below the other",
            #", "domain": "b.a.example", "path": "/shop""#,
            #", "domain": "a.example", "path": "/shop/till""#,
            #"path "/shop/till" and domain "a.example" beside path "/shop" and domain "b.a.example""#
        ),
        .overlap(
            "whatever the other attributes are",
            #", "secure": false, "sameSite": "Strict""#,
            #", "pin": "bucket", "sameSite": "None""#,
            #"path "/" and domain null beside path "/" and domain null"#
        ),
    ]
}
