/// What a part of the library has to show on a metrics page, at one moment.
///
/// A router's own metrics are on every page. A session router, an updater, a follower and others have a property of this
/// type, which a service hands to the page.
public struct Metrics: Sendable {
    /// The families, each with what this part has to say.
    let families: [MetricFamily]

    init(_ families: [MetricFamily]) { self.families = families }

    /// What several parts have to show, as one.
    public init(joining parts: [Metrics]) { families = parts.flatMap(\.families) }

    /// A counter of the service's own, for the same page.
    ///
    ///     let refused = Metrics.counter("sms_tokens_refused_total", help: "Refused tokens.", [["cause": "expired"]: 3])
    ///
    /// - Parameters:
    ///   - name: Its name, which ends in `_total`.
    ///   - help: What is counted, in a sentence.
    ///   - values: The counts, each by its labels. No counter of a process ever goes back.
    /// - Returns: What a page takes.
    /// - Precondition: Prometheus takes the names: letters, digits and underscores, and no digit first.
    public static func counter(_ name: String, help: String, _ values: [[String: String]: Int]) -> Metrics {
        precondition(name.hasSuffix("_total"), "the counter \(name) has to end in _total")
        return own(name, .counter, help, values.mapValues(MetricSample.Value.count))
    }

    /// A gauge of the service's own, for the same page.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - help: What is measured, in a sentence.
    ///   - values: The values, each by its labels.
    /// - Returns: What a page takes.
    /// - Precondition: Prometheus takes the names: letters, digits and underscores, and no digit first.
    public static func gauge(_ name: String, help: String, _ values: [[String: String]: Double]) -> Metrics {
        own(name, .gauge, help, values.mapValues(MetricSample.Value.number))
    }

    private static func own(
        _ name: String,
        _ kind: MetricFamily.Kind,
        _ help: String,
        _ values: [[String: String]: MetricSample.Value]
    ) -> Metrics {
        let samples = values.map { labels, value in
            let labels = labels.sorted { $0.key < $1.key }.map { MetricLabel($0.key, $0.value) }
            for label in labels { requireName(label.name) }
            return (
                text: labels.map { "\($0.name) \($0.value)" }.joined(separator: "\n"),
                MetricSample(value, labels: labels)
            )
        }
        requireName(name)
        return Metrics([MetricFamily(name, kind, help, samples.sorted { $0.text < $1.text }.map(\.1))])
    }

    private static func requireName(_ name: String) {
        let isName =
            name.first.map { !("0"..."9").contains($0) } ?? false
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: false
                }
            }
        precondition(isName, "\(quoted(name)) is no name of a metric or a label")
    }
}

/// Series of one name, as Prometheus groups them.
struct MetricFamily: Sendable {
    enum Kind: String, Sendable { case counter, gauge, histogram }

    let name: String
    let kind: Kind
    /// What is measured, in a sentence.
    let help: String
    var samples: [MetricSample]
    /// What else counts on a page that shows the version of a component.
    var byComponent: [Release.Component: [MetricSample]]

    init(
        _ name: String,
        _ kind: Kind,
        _ help: String,
        _ samples: [MetricSample],
        byComponent: [Release.Component: [MetricSample]] = [:]
    ) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
        self.byComponent = byComponent
    }
}

/// One series at one moment.
struct MetricSample: Sendable {
    enum Value: Sendable {
        case count(Int)
        case number(Double)
        /// How many are no larger than each bound of the page, the sum of all, and how many there are.
        case histogram(upTo: [Int], sum: Double, count: Int)
    }

    /// The variant that the series is about, or nil if it is about none.
    let variant: MetricVariant?
    /// Labels beside those of the variant.
    let labels: [MetricLabel]
    let value: Value

    init(_ value: Value, _ variant: MetricVariant? = nil, labels: [MetricLabel] = []) {
        self.variant = variant
        self.labels = labels
        self.value = value
    }
}

/// A label of a series.
struct MetricLabel: Sendable {
    let name: String
    let value: String

    init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// Whose series it is: the labels `rollout`, `variant` and `version`.
struct MetricVariant: Sendable {
    let rollout: String
    let variant: String
    /// Nil if the series holds several releases.
    let release: Release?
}
