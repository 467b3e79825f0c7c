import Rollout

/// A progression over time as a picture: the share, the rates of failures, and both evidences with their thresholds.
struct SimulationPlot {
    let run: SimulatedProgression

    private static let (width, height, left, top) = (720.0, 150.0, 64.0, 34.0)
    private static let gap = 46.0

    /// A line through points of time and value.
    private struct Line {
        let name: String
        let color: String
        let values: [(minute: Double, value: Double)]
    }

    var svg: String {
        let moments = run.moments
        func line(_ name: String, _ color: String, _ value: (SimulatedProgression.Moment) -> Double) -> Line {
            Line(name: name, color: color, values: moments.map { ($0.minute, value($0)) })
        }
        let share = line("share of the canary, %", "#3b6fb6") { Double($0.share.buckets) / 10_000 }
        let rates = [
            line("failures of the canary, % of the stage", "#c4432b") { 100 * $0.stage.canary.rate },
            line("of stable", "#5c6670") { 100 * $0.stage.stable.rate },
        ]
        let harm = line("ln of the evidence of harm", "#c4432b") { $0.judgement.evidence?.logHarm ?? 0 }
        let gate = line("of the evidence to go on", "#2b8a4b") { $0.judgement.evidence?.logGate ?? 0 }
        let evidence = moments.last?.judgement.evidence
        let total = Self.top + 3 * (Self.height + Self.gap)
        let panels =
            panel(0, [share], limits: [], from: 0)
            + panel(1, rates, limits: [], from: 0)
            + panel(
                2,
                [harm, gate],
                limits: [(evidence?.logHarmNeeded ?? 0, "#c4432b"), (evidence?.logGateNeeded ?? 0, "#2b8a4b")],
                from: -3
            )
        let size = "\(number(Self.left + Self.width + 20)) \(number(total))"
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(size)" font-family="sans-serif" font-size="12">
            <title>\(run.end.outcome.rawValue) after \(number(run.end.minutes)) minutes</title>
            <rect width="100%" height="100%" fill="#ffffff"/>
            \(panels.joined(separator: "\n"))
            </svg>

            """
    }

    private func panel(_ place: Int, _ lines: [Line], limits: [(Double, color: String)], from least: Double) -> [String]
    {
        let y = Self.top + Double(place) * (Self.height + Self.gap)
        // Evidence passes every scale; what matters is on which side of its threshold it is.
        let all = lines.flatMap(\.values).map(\.value)
        let most = max(least + 1e-9, limits.isEmpty ? all.max() ?? 1 : limits.map { 1.6 * $0.0 }.max() ?? 1)
        let end = max(run.end.minutes, 1e-9)
        func x(_ minute: Double) -> Double { Self.left + Self.width * minute / end }
        func height(_ value: Double) -> Double {
            y + Self.height * (1 - (min(max(value, least), most) - least) / (most - least))
        }
        var parts = [
            "<rect x=\"\(number(Self.left))\" y=\"\(number(y))\" width=\"\(number(Self.width))\" "
                + "height=\"\(number(Self.height))\" fill=\"none\" stroke=\"#d0d5da\"/>",
            text(Self.left - 8, y + 10, significant(most, digits: 3), anchor: "end"),
            text(Self.left - 8, y + Self.height, significant(least, digits: 3), anchor: "end"),
            text(Self.left, y + Self.height + 16, "0 min", anchor: "start"),
            text(Self.left + Self.width, y + Self.height + 16, "\(significant(end, digits: 4)) min", anchor: "end"),
        ]
        var offset = Self.left
        for line in lines {
            parts.append(text(offset, y - 8, line.name, anchor: "start", fill: line.color))
            offset += 7.2 * Double(line.name.count) + 16
            let points = line.values.map { "\(number(x($0.minute))),\(number(height($0.value)))" }
            parts.append(
                "<polyline fill=\"none\" stroke=\"\(line.color)\" stroke-width=\"1.6\" "
                    + "points=\"\(points.joined(separator: " "))\"/>"
            )
        }
        for (limit, color) in limits {
            let at = number(height(limit))
            parts.append(
                "<line x1=\"\(number(Self.left))\" x2=\"\(number(Self.left + Self.width))\" y1=\"\(at)\" y2=\"\(at)\" "
                    + "stroke=\"\(color)\" stroke-dasharray=\"4 4\"/>"
            )
        }
        return parts
    }

    private func text(_ x: Double, _ y: Double, _ text: String, anchor: String, fill: String = "#30363c") -> String {
        "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\" fill=\"\(fill)\">\(text)</text>"
    }

    private func number(_ value: Double) -> String { significant(value, digits: 6) }
}
