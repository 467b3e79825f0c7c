/// A page for Prometheus: what a router's decisions led to, by version.
///
///     let page = MetricsPage(
///         of: router, with: updater.metrics, sessions.metrics,
///         accepting: request.headers["Accept"], version: .model
///     )
///     respond(page.text, contentType: page.contentType)
///
/// Every series of a variant has the labels `rollout`, `variant` and `version`. See <doc:exporting-metrics> for the families.
public struct MetricsPage: Sendable {
    /// The value of the `Content-Type` header.
    public let contentType: String
    /// The body.
    public let text: String

    /// The page of this moment. O(size of the page).
    ///
    /// - Parameters:
    ///   - router: The router, whose requests, variants and own counters are shown.
    ///   - others: What else is to be shown.
    ///   - acceptHeader: The scraper's `Accept` header. The page is OpenMetrics 1.0.0 if the scraper prefers that, and else the
    ///     text format 0.0.4 of Prometheus, which every scraper takes.
    ///   - component: The component whose version is the label `version`. Name the one that changes from release to release.
    ///     Without it, or if a release lacks it, the label holds the whole release, such as `app v2, model v2`.
    public init(
        of router: RolloutRouter,
        with others: Metrics...,
        accepting acceptHeader: String? = nil,
        version component: Release.Component? = nil
    ) {
        let format = MetricsFormat(accepting: acceptHeader ?? "")
        var writer = MetricsWriter(format: format, component: component)
        for family in Self.united([router.metrics(by: component)] + others) { writer.write(family) }
        writer.end()
        contentType = format.contentType
        text = writer.text
    }

    /// Each family once, with the samples of all parts: a page must not have a family in two pieces.
    private static func united(_ parts: [Metrics]) -> [MetricFamily] {
        var families: [MetricFamily] = []
        var places: [String: Int] = [:]
        for family in parts.flatMap(\.families) {
            if let place = places[family.name] {
                families[place].samples += family.samples
                families[place].byComponent.merge(family.byComponent, uniquingKeysWith: +)
            } else {
                places[family.name] = families.count
                families.append(family)
            }
        }
        return families
    }
}

/// How a page is written.
enum MetricsFormat: Sendable {
    /// The text format of Prometheus, 0.0.4.
    case prometheus
    /// OpenMetrics 1.0.0.
    case openMetrics

    /// The format that a scraper prefers, by the weights of its `Accept` header (RFC 9110, section 12.5.1).
    init(accepting header: String) {
        var (text, openMetrics) = (0, 0)
        for range in header.split(separator: ",") {
            let fields = range.split(separator: ";").map { String($0.filter { $0 != " " && $0 != "\t" }).lowercased() }
            guard let type = fields.first else { continue }
            let weight = fields.dropFirst().first { $0.hasPrefix("q=") }.map { Self.weight($0.dropFirst(2)) } ?? 1_000
            let version = fields.dropFirst().first { $0.hasPrefix("version=") }?.dropFirst(8)
            switch type {
            case "application/openmetrics-text" where [nil, "1.0.0"].contains(version):
                openMetrics = max(openMetrics, weight)
            case "text/plain", "text/*", "*/*": text = max(text, weight)
            default: break
            }
        }
        self = openMetrics > 0 && openMetrics >= text ? .openMetrics : .prometheus
    }

    /// A weight in thousandths: a number from 0 to 1 with at most three decimals. Anything else weighs nothing.
    private static func weight(_ text: Substring) -> Int {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first.flatMap({ Int($0) }), 0...1 ~= whole else { return 0 }
        let decimals = parts.count > 1 ? parts[1].prefix(3) : ""
        guard decimals.allSatisfy({ ("0"..."9").contains($0) }) else { return 0 }
        let thousandths = Int(decimals + repeatElement("0", count: 3 - decimals.count)) ?? 0
        return min(whole * 1_000 + thousandths, 1_000)
    }

    var contentType: String {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }
}
