/// What a part of the library has to show on a metrics page, at one moment.
///
/// A router's own metrics are on every page. A session router, an updater, a follower and others have a property of this
/// type, which a service hands to the page.
public struct Metrics: Sendable {
    /// The families, each with what this part has to say.
    let families: [MetricFamily]

    init(_ families: [MetricFamily]) { self.families = families }
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
