/// An A/B test whose weights follow how well its variants do.
struct AdaptationCourse: Sendable {
    /// What the policy says of the test.
    private(set) var definition: RolloutDefinition
    private let id: RolloutID
    private let plan: AdaptationPlan
    private let names: [VariantName]
    private let stage: OutcomeStage
    private var efficacy: EfficacyWeights
    private var readings = SourceReadings()

    /// Nil if the rollout is no test with a plan.
    init?(of id: RolloutID, _ definition: RolloutDefinition) {
        guard case .abTest(let test) = definition.strategy, let plan = definition.adaptation else { return nil }
        (self.id, self.definition, self.plan, names) = (id, definition, plan, test.variants.map(\.name))
        efficacy = EfficacyWeights(under: plan, variants: names.count)
        stage = OutcomeStage(
            of: id,
            epoch: definition.epoch,
            releases: Dictionary(uniqueKeysWithValues: test.variants.map { ($0.name, $0.release) }),
            id: .random(in: .min ... .max)
        )
    }

    /// Takes in what the policy says now.
    ///
    /// - Returns: Whether the variants are still the same, under the same plan. If not, this is left as it was.
    mutating func follow(_ definition: RolloutDefinition) -> Bool {
        guard let other = AdaptationCourse(of: id, definition), other.plan == plan, other.names == names,
            other.stage.releases == stage.releases, other.stage.epoch == stage.epoch,
            definition.salt == self.definition.salt
        else { return false }
        self.definition = definition
        return true
    }

    /// What the source is to be asked for.
    var stageToRead: OutcomeStage { stage }

    /// Takes in what the source has counted, and says which weights come next.
    mutating func judge(
        _ reading: SourceReadings.Reading,
        _ tally: inout ProgressionStatus.Readings
    ) -> AdaptationJudgement {
        do throws(SourceReadings.Missing) {
            if reading.stage != stage {
                throw SourceReadings.Missing(reason: "the test has changed while the source was read")
            }
            let window = try readings.window(reading, counting: .requests, percentiles: 0, &tally)
            let counts = names.map { window.variants[$0] ?? VariantOutcomes(requests: 0, failures: 0) }
            efficacy.observe(
                successes: counts.map { $0.requests - $0.failures },
                failures: counts.map(\.failures)
            )
        } catch {
            return AdaptationJudgement(best: best, detail: error.reason)
        }
        guard case .abTest(let test) = definition.strategy,
            let next = efficacy.next(after: test.variants.map(\.weight))
        else {
            let isWaiting = best.isEmpty
            return AdaptationJudgement(
                best: best,
                detail: isWaiting ? "a variant has fewer than 100 outcomes" : "the weights are right within 1 %"
            )
        }
        return AdaptationJudgement(best: best, weights: Dictionary(uniqueKeysWithValues: zip(names, next)))
    }

    private var best: [VariantName: Double] {
        guard efficacy.isInformed else { return [:] }
        return Dictionary(uniqueKeysWithValues: zip(names, efficacy.bestProbabilities))
    }
}

/// What is to be done about the weights of an A/B test, and what that rests on.
public struct AdaptationJudgement: Hashable, Sendable {
    /// The probability of each variant that it is the best, or empty while one has too few outcomes.
    public let best: [VariantName: Double]
    /// The weights to be written, or nil if nothing is to move.
    public let weights: [VariantName: Int]?
    /// Why nothing moves, or nil if something does.
    public let detail: String?

    init(best: [VariantName: Double], weights: [VariantName: Int]? = nil, detail: String? = nil) {
        (self.best, self.weights, self.detail) = (best, weights, detail)
    }

    /// The same, if the change that was due did not happen.
    func refused(because detail: String) -> AdaptationJudgement { AdaptationJudgement(best: best, detail: detail) }
}

extension AdaptationJudgement: CustomStringConvertible {
    /// The judgement with its figures, as it stands in the history: `best: control 12 %, treatment 88 %; weights control
    /// 2,160, treatment 7,840 of 10,000`.
    public var description: String {
        func list<Value>(_ values: [VariantName: Value], _ spell: (Value) -> String) -> String {
            values.sorted { $0.key < $1.key }.map { "\($0.key) \(spell($0.value))" }.joined(separator: ", ")
        }
        var parts: [String] = []
        if !best.isEmpty {
            parts.append("best: " + list(best) { "\(significant((1_000 * $0).rounded() / 10, digits: 4)) %" })
        }
        if let weights { parts.append("weights " + list(weights, grouped) + " of " + grouped(EfficacyWeights.total)) }
        if let detail { parts.append(detail) }
        return parts.joined(separator: "; ")
    }

    var tree: JSONTree {
        func object<Value>(_ values: [VariantName: Value], _ tree: (Value) -> JSONTree) -> JSONTree {
            .object(values.sorted { $0.key < $1.key }.map { ($0.key.description, tree($0.value)) })
        }
        return .object([
            ("best", object(best) { .number(significant($0, digits: 6)) }),
            ("weights", weights.map { object($0) { .integer($0) } } ?? .null),
            ("detail", detail.map { .string($0) } ?? .null),
        ])
    }
}
