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

    /// A cookie's domain that no host is in.
    static func domain(_ rule: String, _ domain: String) -> PolicyFlaw {
        cookie(
            rule,
            #""cookie": "c", "maxAge": 60, "domain": ▸"\#(domain)""#,
            ".domain",
            #"expected a domain: parts of 1 ... 63 letters, digits and "-", joined by ".", found \#(quoted(domain))"#
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
