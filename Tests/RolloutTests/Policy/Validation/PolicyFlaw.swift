import Testing

@testable import Rollout

/// A document with one thing wrong, which stands behind the mark, and the problem that must be reported for it alone.
struct PolicyFlaw: Sendable, CustomTestStringConvertible {
    let rule: String
    let document: String
    let code: PolicyProblem.Code
    let path: String
    let message: String

    var testDescription: String { rule }

    /// A flaw of the document itself.
    static func document(
        _ rule: String,
        _ document: String,
        _ code: PolicyProblem.Code,
        _ path: String,
        _ message: String
    ) -> PolicyFlaw {
        PolicyFlaw(rule: rule, document: document, code: code, path: path, message: message)
    }

    /// A flaw of rollout `r`, given as its text; the path continues `rollouts.r`.
    static func rollout(
        _ rule: String,
        _ rollout: String,
        _ code: PolicyProblem.Code,
        _ path: String,
        _ message: String
    ) -> PolicyFlaw {
        let document = """
            {"schema": 1, "revision": 7, "rollouts": {
              "r": \(rollout)
            }}
            """
        return PolicyFlaw(rule: rule, document: document, code: code, path: "rollouts.r" + path, message: message)
    }

    /// A flaw of a canary's members, given as their text.
    static func member(
        _ rule: String,
        _ members: String,
        _ code: PolicyProblem.Code,
        _ path: String,
        _ message: String
    ) -> PolicyFlaw {
        rollout(rule, "{\(canary), \(members)}", code, path, message)
    }

    /// A flaw of a canary's strategy, given as its text.
    static func strategy(
        _ rule: String,
        _ strategy: String,
        _ code: PolicyProblem.Code,
        _ path: String,
        _ message: String
    ) -> PolicyFlaw {
        rollout(rule, #"{"strategy": \#(strategy)}"#, code, ".strategy" + path, message)
    }

    /// A flaw of the cookie, given as its members beside name and age.
    static func cookie(_ rule: String, _ members: String, _ path: String, _ message: String) -> PolicyFlaw {
        member(rule, #""sticky": {\#(members)}"#, .badCookie, ".sticky" + path, message)
    }

    /// A cookie's domain that no browser accepts.
    static func domain(
        _ rule: String,
        _ domain: String,
        expected: String = #"a domain: parts of 1 ... 63 letters, digits and "-", joined by ".""#
    ) -> PolicyFlaw {
        cookie(
            rule,
            #""cookie": "c", "maxAge": 60, "domain": ▸"\#(domain)""#,
            ".domain",
            "expected \(expected), found \(quoted(domain))"
        )
    }

    /// A cookie's domain that is an address.
    static func address(_ domain: String) -> PolicyFlaw {
        .domain(
            "address \(domain) as a domain",
            domain,
            expected: "a domain, or null for the answering host alone: an IP address has no subdomains"
        )
    }

    /// A host that no header has; the text is what messages show of it, if that is not what the policy says.
    static func host(_ host: String, as found: String? = nil, expected: String) -> PolicyFlaw {
        member(
            "host \(host)",
            "\"hosts\": {\(quoted(host)): ▸\"stable\"}",
            .badHost,
            ".hosts[\(quoted(found ?? host))]",
            "expected \(expected), found \(quoted(found ?? host))"
        )
    }

    /// A host with a port that is none; the mark is before the host.
    static func port(_ host: String) -> PolicyFlaw {
        member(
            "port of \(host)",
            "\"hosts\": {▸\(quoted(host)): \"stable\"}",
            .badHost,
            ".hosts[\(quoted(host))]",
            "expected \(expectedPort), found \(quoted(host))"
        )
    }

    static let expectedPort = #"nothing after ":" but a port in 1 ... 65,535"#

    /// Two rollouts with cookies, given as their members; the second one's cookie, behind the mark, meets the first one's.
    static func overlap(_ rule: String, _ first: String, _ second: String, _ found: String) -> PolicyFlaw {
        PolicyFlaw(
            rule: "one cookie twice: " + rule,
            document: """
                {"schema": 1, "revision": 7, "rollouts": {
                  "a": {\(canary), "sticky": {"cookie": "c", "maxAge": 60\(first)}},
                  "r": {\(canary), "sticky": {"cookie": ▸"c", "maxAge": 60\(second)}}
                }}
                """,
            code: .overlappingCookies,
            path: "rollouts.r.sticky.cookie",
            message: #"expected a name, a path or a domain apart from those of rollout "a", found "c" for \#(found): "#
                + "a request can carry both"
        )
    }

    static let canary =
        #""strategy": {"type": "canary", "percent": 10, "stable": {"app": "v1"}, "canary": {"app": "v2"}}"#

    /// An A/B test of variants `a` and `b`, with further members.
    static func test(weights: (String, String) = ("1", "1"), _ members: String) -> String {
        """
        {"type": "ab_test", \(members)"variants": [
          {"name": "a", "weight": \(weights.0), "release": {"app": "1"}},
          {"name": "b", "weight": \(weights.1), "release": {"app": "2"}}]}
        """
    }
}
