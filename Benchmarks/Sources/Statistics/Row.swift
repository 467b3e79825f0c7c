import Foundation

/// What one simulation came to.
struct Row: Sendable {
    let item: Int
    let what: String
    /// How often it ran.
    let runs: Int
    let measured: String
    /// What is promised; empty if the row only shows something.
    let bound: String
    let isOver: Bool

    /// Shows something, and promises nothing.
    static func shown(_ item: Int, _ what: String, runs: Int, _ measured: String) -> Row {
        Row(item: item, what: what, runs: runs, measured: measured, bound: "", isOver: false)
    }

    /// How often something happens that should happen at most so often: by its rate, and three standard deviations more.
    static func atMost(_ nominal: Double, _ item: Int, _ what: String, _ hits: [Bool]) -> Row {
        rate(item, what, hits, most: nominal + 3 * (nominal * (1 - nominal) / Double(hits.count)).squareRoot())
    }

    /// How often something happens that should happen at most so often.
    static func rate(_ item: Int, _ what: String, _ hits: [Bool], most: Double) -> Row {
        Row(
            item: item,
            what: what,
            runs: hits.count,
            measured: percent(rate(of: hits)),
            bound: most == 0 ? "never" : "at most \(percent(most))",
            isOver: rate(of: hits) > most
        )
    }

    /// How often something happens that should nearly always.
    static func atLeast(_ least: Double, _ item: Int, _ what: String, _ hits: [Bool]) -> Row {
        Row(
            item: item,
            what: what,
            runs: hits.count,
            measured: percent(rate(of: hits)),
            bound: "at least \(percent(least))",
            // Of few runs, one may miss.
            isOver: hits.count { !$0 } > max(1, Int((1 - least) * Double(hits.count)))
        )
    }

    /// The median of what should be small. A run that came to no end counts as longer than all others.
    static func median(_ item: Int, _ what: String, _ values: [Double?], most: Double, _ unit: String) -> Row {
        let median = median(of: values)
        return Row(
            item: item,
            what: what,
            runs: values.count,
            measured: "\(number(median)) \(unit)",
            bound: "at most \(number(most))",
            isOver: median > most
        )
    }

    static func rate(of hits: [Bool]) -> Double { Double(hits.count(where: \.self)) / Double(hits.count) }

    static func median(of values: [Double?]) -> Double { values.map { $0 ?? .infinity }.sorted()[values.count / 2] }

    static func percent(_ rate: Double) -> String { "\(number(100 * rate)) %" }

    /// Three digits, and all of a large number.
    static func number(_ value: Double) -> String {
        if value >= 1_000, value.isFinite {
            let thousands = String(Int(value.rounded()) / 1_000)
            return thousands + "," + String(format: "%03d", Int(value.rounded()) % 1_000)
        }
        return String(format: value >= 100 || value == value.rounded() ? "%.0f" : "%.3g", value)
    }

    /// The head of the table.
    static let head = """
        | | what | runs | measured | bound | |
        | ---: | --- | ---: | ---: | ---: | --- |
        """

    /// A line of the table.
    var line: String {
        "| \(item) | \(what) | \(Self.number(Double(runs))) | \(measured) | \(bound) | "
            + (bound.isEmpty ? "|" : isOver ? "over |" : "ok |")
    }
}
