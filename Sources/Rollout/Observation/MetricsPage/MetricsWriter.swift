/// Writes families in one of the two formats.
struct MetricsWriter {
    let format: MetricsFormat
    /// The component whose version is the label `version`; nil for the whole release.
    let component: Release.Component?
    private(set) var text = ""

    /// The upper bounds of the buckets of latencies, as they are written. Both formats get the same text, because a series with
    /// `le="1"` is another one than that with `le="1.0"`.
    static let bounds: [(text: String, Duration)] = [
        ("0.005", .milliseconds(5)), ("0.01", .milliseconds(10)), ("0.025", .milliseconds(25)),
        ("0.05", .milliseconds(50)), ("0.1", .milliseconds(100)), ("0.25", .milliseconds(250)),
        ("0.5", .milliseconds(500)), ("1.0", .seconds(1)), ("2.5", .milliseconds(2_500)), ("5.0", .seconds(5)),
        ("10.0", .seconds(10)),
    ]

    init(format: MetricsFormat, component: Release.Component?) {
        self.format = format
        self.component = component
    }

    mutating func write(_ family: MetricFamily) {
        let samples = family.samples + (component.flatMap { family.byComponent[$0] } ?? [])
        if samples.isEmpty { return }
        let name = format == .openMetrics && family.kind == .counter ? family.name.withoutTotal : family.name
        text += "# HELP \(name) \(escaped(help: family.help))\n# TYPE \(name) \(family.kind.rawValue)\n"
        for (labels, value) in united(samples) { write(family.name, labels, value) }
    }

    /// Ends the page.
    mutating func end() {
        if format == .openMetrics { text += "# EOF\n" }
    }

    /// Each series once: two releases may have the same version of the component that the page shows, and then count together.
    private func united(_ samples: [MetricSample]) -> [(labels: String, MetricSample.Value)] {
        var series: [(labels: String, MetricSample.Value)] = []
        var places: [String: Int] = [:]
        for sample in samples {
            let labels = labels(of: sample)
            if let place = places[labels] {
                series[place].1 = series[place].1 + sample.value
            } else {
                places[labels] = series.count
                series.append((labels, sample.value))
            }
        }
        return series
    }

    private func labels(of sample: MetricSample) -> String {
        var labels = sample.labels
        if let variant = sample.variant {
            labels.insert(contentsOf: self.labels(of: variant), at: 0)
        }
        return labels.map { "\($0.name)=\"\($0.value.escapedForMetrics)\"" }.joined(separator: ",")
    }

    private func labels(of variant: MetricVariant) -> [MetricLabel] {
        let version = variant.release.map { release in component.flatMap { release[$0] } ?? "\(release)" }
        return [
            MetricLabel("rollout", variant.rollout), MetricLabel("variant", variant.variant),
            MetricLabel("version", version ?? variant.variant),
        ]
    }

    private mutating func write(_ name: String, _ labels: String, _ value: MetricSample.Value) {
        switch value {
        case .count(let count): line(name, labels, "\(count)")
        case .number(let number): line(name, labels, Self.text(number))
        case .histogram(let counts, let sum, let count):
            let comma = labels.isEmpty ? "" : ","
            for (bound, count) in zip(Self.bounds, counts) {
                line("\(name)_bucket", "\(labels)\(comma)le=\"\(bound.text)\"", "\(count)")
            }
            line("\(name)_bucket", "\(labels)\(comma)le=\"+Inf\"", "\(count)")
            line("\(name)_sum", labels, Self.text(sum))
            line("\(name)_count", labels, "\(count)")
        }
    }

    private mutating func line(_ name: String, _ labels: String, _ value: String) {
        text += name
        if !labels.isEmpty { text += "{\(labels)}" }
        text += " \(value)\n"
    }

    private static func text(_ number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number > 0 ? "+Inf" : "-Inf" }
        return "\(number)"
    }

    private func escaped(help: String) -> String {
        var text = ""
        for character in help.unicodeScalars {
            switch character {
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\"" where format == .openMetrics: text += "\\\""
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}

extension MetricSample.Value {
    fileprivate static func + (left: Self, right: Self) -> Self {
        switch (left, right) {
        case (.count(let left), .count(let right)): .count(left + right)
        case (.histogram(let counts, let sum, let count), .histogram(let more, let moreSum, let moreCount)):
            .histogram(upTo: zip(counts, more).map { $0 + $1 }, sum: sum + moreSum, count: count + moreCount)
        default: .number(left.number + right.number)
        }
    }

    private var number: Double {
        switch self {
        case .count(let count): Double(count)
        case .number(let number): number
        case .histogram(_, let sum, _): sum
        }
    }
}

extension String {
    fileprivate var withoutTotal: String { hasSuffix("_total") ? String(dropLast(6)) : self }

    /// The text between the quotes of a label's value: backslash, quote and line feed are escaped, in both formats.
    var escapedForMetrics: String {
        if !utf8.contains(where: { [UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "\n")].contains($0) }) {
            return self
        }
        var text = ""
        for character in unicodeScalars {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}
