import Testing

@testable import Rollout

@Suite("A policy from environment variables")
struct PolicyEnvironmentTests {
    private static let models = (stable: ["model": "m1"] as Release, canary: ["model": "m2"] as Release)

    @Test(
        "makes the rollout of the old service",
        arguments: [
            (["ROLLOUT_STRATEGY": "fixed", "MODEL_VERSION": "m1"], RolloutStrategy.fixed(models.stable)),
            (
                ["ROLLOUT_STRATEGY": "fixed", "MODEL_VERSION": "m1", "CANARY_VERSION": "m2", "CANARY_PERCENTAGE": "5"],
                .fixed(models.stable)
            ),
            (
                ["ROLLOUT_STRATEGY": "canary", "MODEL_VERSION": "m1", "CANARY_VERSION": "m2"],
                .canary(.zero, stable: models.stable, canary: models.canary)
            ),
            (
                [
                    "ROLLOUT_STRATEGY": "canary", "MODEL_VERSION": "m1", "CANARY_VERSION": "m2",
                    "CANARY_PERCENTAGE": "10",
                ],
                .canary(.percent(10), stable: models.stable, canary: models.canary)
            ),
            (
                [
                    "ROLLOUT_STRATEGY": "canary", "MODEL_VERSION": "m1", "CANARY_VERSION": "m2",
                    "CANARY_PERCENTAGE": "33.3333",
                ],
                .canary(.percent(33.3333), stable: models.stable, canary: models.canary)
            ),
            (
                ["ROLLOUT_STRATEGY": "ab_test", "MODEL_VERSION": "m1", "CANARY_VERSION": "m2"],
                .abTest([
                    WeightedVariant("control", weight: 1, release: models.stable),
                    WeightedVariant("treatment", weight: 1, release: models.canary),
                ])
            ),
            (
                [
                    "ROLLOUT_STRATEGY": "shadow", "MODEL_VERSION": "m1", "CANARY_VERSION": "m2",
                    "CANARY_PERCENTAGE": "100",
                ],
                .shadow(.all, primary: models.stable, shadow: models.canary)
            ),
        ]
    )
    func strategies(variables: [String: String], strategy: RolloutStrategy) throws {
        let policy = try RolloutPolicy(environment: variables, revision: 3)
        #expect(policy == RolloutPolicy(revision: 3, rollouts: ["default": RolloutDefinition(strategy)]))
        #expect(throws: Never.self) { try policy.validate() }
    }

    @Test("takes label and id, and ignores other variables")
    func labels() throws {
        let policy = try RolloutPolicy(environment: [
            "ROLLOUT_STRATEGY": "fixed", "MODEL_VERSION": "m 1", "ENVIRONMENT": "caf\u{E9}", "ROLLOUT_ID": "sms",
            "PATH": "/bin", "rollout_strategy": "shadow",
        ])
        #expect(policy.environment == "caf\u{E9}")
        #expect(policy.revision == 0)
        #expect(policy.rollouts == ["sms": RolloutDefinition(.fixed(["model": "m 1"]))])
    }

    @Test(
        "names the variable that is wrong or missing",
        arguments: [
            Flaw("", [("ROLLOUT_STRATEGY", .missing), ("MODEL_VERSION", .missing)]),
            Flaw("ROLLOUT_STRATEGY=fixed", [("MODEL_VERSION", .missing)]),
            Flaw("ROLLOUT_STRATEGY=canary", [("MODEL_VERSION", .missing), ("CANARY_VERSION", .missing)]),
            Flaw("ROLLOUT_STRATEGY=ab_test MODEL_VERSION=1", [("CANARY_VERSION", .missing)]),
            Flaw(
                "ROLLOUT_STRATEGY=shadow",
                [("MODEL_VERSION", .missing), ("CANARY_VERSION", .missing), ("CANARY_PERCENTAGE", .missing)]
            ),
            Flaw("ROLLOUT_STRATEGY=shadow MODEL_VERSION=1 CANARY_VERSION=2", [("CANARY_PERCENTAGE", .missing)]),
            Flaw("ROLLOUT_STRATEGY= MODEL_VERSION=1", [("ROLLOUT_STRATEGY", .unknownValue)]),
            Flaw("ROLLOUT_STRATEGY=Canary MODEL_VERSION=1", [("ROLLOUT_STRATEGY", .unknownValue)]),
            Flaw("ROLLOUT_STRATEGY=abTest MODEL_VERSION=1", [("ROLLOUT_STRATEGY", .unknownValue)]),
            Flaw("ROLLOUT_STRATEGY=fixed MODEL_VERSION=", [("MODEL_VERSION", .badVersion)]),
            Flaw("ROLLOUT_STRATEGY=fixed MODEL_VERSION=\u{212A}", [("MODEL_VERSION", .badVersion)]),
            Flaw("ROLLOUT_STRATEGY=fixed MODEL_VERSION=1 CANARY_VERSION=", [("CANARY_VERSION", .badVersion)]),
            Flaw("ROLLOUT_STRATEGY=fixed MODEL_VERSION=1 ENVIRONMENT=", [("ENVIRONMENT", .badText)]),
            Flaw("ROLLOUT_STRATEGY=fixed MODEL_VERSION=1 ROLLOUT_ID=", [("ROLLOUT_ID", .badName)]),
            Flaw("ROLLOUT_STRATEGY=fixed MODEL_VERSION=1 ROLLOUT_ID=a/b", [("ROLLOUT_ID", .badName)]),
            Flaw("ROLLOUT_STRATEGY=fixed MODEL_VERSION=1 ROLLOUT_ID=\u{212A}", [("ROLLOUT_ID", .badName)]),
            Flaw(
                "ROLLOUT_STRATEGY=none MODEL_VERSION=\t CANARY_PERCENTAGE=x ENVIRONMENT= ROLLOUT_ID=",
                [
                    ("ROLLOUT_ID", .badName), ("ENVIRONMENT", .badText), ("CANARY_PERCENTAGE", .outOfRange),
                    ("MODEL_VERSION", .badVersion), ("ROLLOUT_STRATEGY", .unknownValue),
                ]
            ),
        ]
    )
    func flaws(_ flaw: Flaw) {
        let error = #expect(throws: PolicyError.self) { try RolloutPolicy(environment: flaw.variables) }
        #expect(error?.problems.map { "\($0.path) \($0.code)" } == flaw.problems, "\(error?.description ?? "")")
        for problem in error?.problems ?? [] {
            #expect(problem.description.hasPrefix(problem.path + ": "))
            #expect(problem.line == nil)
        }
    }

    @Test(
        "reads a percentage exactly, or not at all",
        arguments: [
            ("0", 0), ("100", 1_000_000), ("10", 100_000), ("0.0001", 1), ("1e1", 100_000), ("100.0", 1_000_000),
            ("-0", 0), ("", nil), ("10%", nil), ("10.00001", nil), ("100.0001", nil), ("-1", nil), ("1e400", nil),
            ("+1", nil), ("0x10", nil), ("ten", nil), ("NaN", nil), ("1,5", nil), ("[1]", nil), ("\"1\"", nil),
            ("\u{661}", nil),
        ] as [(String, Int?)]
    )
    func percentages(text: String, buckets: Int?) throws {
        let variables = [
            "ROLLOUT_STRATEGY": "canary", "MODEL_VERSION": "1", "CANARY_VERSION": "2", "CANARY_PERCENTAGE": text,
        ]
        guard let buckets else {
            let error = #expect(throws: PolicyError.self) { try RolloutPolicy(environment: variables) }
            #expect(error?.problems.map(\.path) == ["CANARY_PERCENTAGE"])
            #expect(error?.problems.first?.message.hasPrefix("expected a percentage in 0 ... 100") == true)
            return
        }
        let strategy = try RolloutPolicy(environment: variables).rollouts["default"]?.strategy
        let share = try #require(Share(buckets: buckets))
        #expect(strategy == .canary(share, stable: ["model": "1"], canary: ["model": "2"]))
    }

    /// Variables as `NAME=value`, separated by spaces, and the problems they have.
    struct Flaw: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let variables: [String: String]
        let problems: [String]

        init(_ text: String, _ problems: [(String, PolicyProblem.Code)]) {
            testDescription = text
            variables = Dictionary(
                uniqueKeysWithValues: text.split(separator: " ").map { pair in
                    let parts = pair.split(separator: "=", omittingEmptySubsequences: false)
                    return (String(parts[0]), String(parts[1]))
                }
            )
            self.problems = problems.map { "\($0.0) \($0.1)" }
        }
    }
}
