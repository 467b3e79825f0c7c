import Configuration
import Fleet
import Foundation
import Hummingbird
import Logging
import Rollout

/// Classifies text messages: `POST /predict` with `{"sms": "…"}`, from the app.
@main
struct Model {
    static func main() async { await runService("model", run) }

    private static func run(_ configuration: ConfigReader, _ logger: Logger) async throws {
        let router = RolloutRouter()
        let release: Release = [.app: "v1", .model: "v1"]
        let sms = router.rollout(.sms, default: release)
        let models = try await ReleaseResources(
            for: router.snapshot().policy,
            defaults: [.sms: release],
            load: { _, release in try NaiveBayes(version: release[.model] ?? "") },
            free: { model in logger.info("version \(model.version) is freed") }
        )
        let known = KnownReleases([.model: Set(try NaiveBayes.versions)], in: [.sms])
        let replica = try Replica(of: router, gates: [known, models], configuration: configuration, logger: logger)

        let routes = Router(context: ModelContext.self)
        routes.add(middleware: MetricsMiddleware())
        replica.addEndpoints(to: routes, showing: .model)
        routes.group()
            .add(middleware: AdoptionMiddleware(rollout: sms, sessions: replica.sessions, outcomes: router.outcomes))
            .add(middleware: LogRequestsMiddleware(.info))
            .post("predict") { request, context in
                let adopted = try context.decision
                let decision = adopted.decision
                let message = try await Message(from: request, context: context)
                let prediction = models.withValue(for: decision.variant) { model, variant in
                    // Another variant's model stands in for one that was freed after the decision.
                    model.prediction(for: message, isTainted: adopted.isTainted || variant != decision.variant)
                }
                if let shadow = decision.shadow, let permit = replica.shadows.permit(for: decision) {
                    permit.run(.readOnly, against: prediction?.result) {
                        try models.withValue(for: shadow) { model, variant in
                            guard variant == shadow else { throw CancellationError() }
                            return model.prediction(for: message, isTainted: false).result
                        }
                    }
                }
                return prediction
            }
        let application = Application(
            router: routes,
            configuration: ApplicationConfiguration(reader: configuration.scoped(to: "http")),
            services: [replica],
            logger: logger
        )
        try await application.runService()
    }
}

/// Naive Bayes over a list of words: how often each came in messages that were spam, and in others.
///
/// A version is a file of that name in `Words`, with a word and two counts on each line. Its first line has the counts of all
/// messages, as the word `*`. A word `#` stands for every number of five digits or more.
struct NaiveBayes: Sendable {
    let version: String
    /// The logarithm of the odds that a message is spam, before it is read.
    private let prior: Double
    /// What each word adds to it.
    private let weights: [String: Double]

    /// The versions that there are.
    static var versions: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path) }
    }

    private static var folder: URL { Bundle.module.bundleURL.appending(path: "Words") }

    /// Loads a version.
    init(version: String) throws {
        self.version = version
        let text = try String(contentsOf: Self.folder.appending(path: version), encoding: .utf8)
        let rows = try text.split(separator: "\n").map { line in
            let fields = line.split(separator: "\t")
            guard fields.count == 3, let spam = Double(fields[1]), let ham = Double(fields[2]) else {
                throw WordListError(version: version, line: String(line))
            }
            return (word: String(fields[0]), spam: spam, ham: ham)
        }
        guard let all = rows.first, all.word == "*" else { throw WordListError(version: version, line: "(the first)") }
        prior = log(all.spam / all.ham)
        weights = Dictionary(
            rows.dropFirst().map { row in
                // One message more of each kind, or a word that never came in spam would decide alone.
                (row.word, log((row.spam + 1) / (all.spam + 2)) - log((row.ham + 1) / (all.ham + 2)))
            }
        ) { first, _ in first }
    }

    func prediction(for message: Message, isTainted: Bool) -> Prediction {
        let words = Set(message.sms.lowercased().split { !$0.isLetter && !$0.isNumber }.map(Self.word))
        let found = words.compactMap { word in weights[word].map { (word: word, weight: $0) } }
        let odds = found.reduce(prior) { $0 + $1.weight }
        let reasons = found.filter { $0.weight > 0 }.sorted { ($1.weight, $0.word) < ($0.weight, $1.word) }
        return Prediction(
            probability: 1 / (1 + exp(-odds)),
            words: reasons.map(\.word),
            version: version,
            isTainted: isTainted
        )
    }

    private static func word(_ text: Substring) -> String {
        text.count >= 5 && text.allSatisfy(\.isNumber) ? "#" : String(text)
    }
}

/// A line of a word list that is none.
struct WordListError: Error, CustomStringConvertible {
    let version: String
    let line: String

    var description: String { "Words/\(version): \"\(line)\" is not a word and two counts with tabs between" }
}
