import Rollout

/// A page in one of Prometheus's formats, read strictly: everything that `promtool` lets pass is a problem here.
struct ExpositionPage {
    struct Series: Hashable {
        let name: String
        let labels: [String: String]
    }

    private(set) var values: [Series: Double] = [:]
    /// The families with their types, in order.
    private(set) var families: [(name: String, type: String)] = []
    private(set) var problems: [String] = []

    subscript(name: String, labels: [String: String]) -> Double? { values[Series(name: name, labels: labels)] }

    init(_ page: MetricsPage) {
        self.init(page.text, isOpenMetrics: page.contentType.hasPrefix("application/openmetrics-text"))
    }

    init(_ text: String, isOpenMetrics: Bool) {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.popLast() != "" { problems.append("the last line has no line feed") }
        if isOpenMetrics, lines.popLast() != "# EOF" { problems.append("no # EOF") }
        var helped: Substring?
        for line in lines {
            let words = line.split(separator: " ", maxSplits: 3)
            if line.hasPrefix("# HELP "), words.count == 4 {
                helped = words[2]
            } else if line.hasPrefix("# TYPE "), words.count == 4, helped == words[2] {
                if families.contains(where: { $0.name == words[2] }) { problems.append("twice: \(words[2])") }
                families.append((String(words[2]), String(words[3])))
            } else if let series = Self.series(line), let family = families.last {
                if values.updateValue(series.value, forKey: series.series) != nil { problems.append("twice: \(line)") }
                let suffixes =
                    switch family.type {
                    case "histogram": ["_bucket", "_sum", "_count"]
                    case "counter" where isOpenMetrics: ["_total"]
                    default: [""]
                    }
                if !suffixes.contains(where: { family.name + $0 == series.series.name }) {
                    problems.append("\(line) in the family \(family.name)")
                }
            } else {
                problems.append("no line of a page: \(line)")
            }
        }
        if values.isEmpty { problems.append("an empty page") }
        checkHistograms()
    }

    private mutating func checkHistograms() {
        for (name, type) in families where type == "histogram" {
            let buckets = values.filter { $0.key.name == "\(name)_bucket" }
            let histograms = Dictionary(grouping: buckets) { $0.key.labels.filter { $0.key != "le" } }
            for (labels, buckets) in histograms {
                let counts = buckets.sorted { Self.bound($0.key) < Self.bound($1.key) }.map(\.value)
                if counts != counts.sorted() { problems.append("falling buckets: \(labels)") }
                if counts.last != self["\(name)_count", labels] { problems.append("+Inf is not the count: \(labels)") }
                if self["\(name)_sum", labels] == nil { problems.append("no sum: \(labels)") }
            }
        }
    }

    private static func bound(_ series: Series) -> Double {
        let bound = series.labels["le"] ?? ""
        return bound == "+Inf" ? .infinity : Double(bound) ?? .nan
    }

    private static func series(_ line: Substring) -> (series: Series, value: Double)? {
        let name = line.prefix { $0 != "{" && $0 != " " }
        var rest = line.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            repeat {
                rest = rest.dropFirst()
                let label = rest.prefix { $0 != "=" }
                rest = rest.dropFirst(label.count)
                guard rest.hasPrefix("=\"") else { return nil }
                rest = rest.dropFirst(2)
                var value = ""
                while let character = rest.popFirst(), character != "\"" {
                    guard character == "\\" else {
                        value.append(character)
                        continue
                    }
                    switch rest.popFirst() {
                    case "\\": value.append("\\")
                    case "\"": value.append("\"")
                    case "n": value.append("\n")
                    default: return nil
                    }
                }
                guard labels.updateValue(value, forKey: String(label)) == nil else { return nil }
            } while rest.first == ","
            guard rest.popFirst() == "}" else { return nil }
        }
        guard rest.popFirst() == " ", !name.isEmpty else { return nil }
        let number = rest == "+Inf" ? Double.infinity : rest == "-Inf" ? -.infinity : Double(rest)
        return number.map { (Series(name: String(name), labels: labels), $0) }
    }
}
