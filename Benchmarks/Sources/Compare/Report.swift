/// What was measured, a row for each candidate.
struct Report: Sendable {
    struct Row: Sendable {
        let candidate: Candidate
        let measurements: [Measurement]

        func measurement(bytes: Int, threads: Int) -> Measurement? {
            measurements.first { $0.crowd.bytes == bytes && $0.threads == threads }
        }

        /// Nanoseconds at the best repetition.
        func minimum(bytes: Int, threads: Int) -> Double {
            measurement(bytes: bytes, threads: threads)?.minimum ?? .nan
        }
    }

    let rows: [Row]
    let machine: String
    let repetitions: Int

    init(_ measurements: [Measurement], machine: String, repetitions: Int) {
        var rows: [Row] = []
        for measurement in measurements where rows.last?.candidate.name != measurement.candidate.name {
            let own = measurements.filter { $0.candidate.name == measurement.candidate.name }
            rows.append(Row(candidate: measurement.candidate, measurements: own))
        }
        self.rows = rows
        self.machine = machine
        self.repetitions = repetitions
    }

    /// A table in Markdown.
    var markdown: String {
        """
        One decision, a 90/10 rollout, in nanoseconds a thread: the best of \(repetitions) interleaved repetitions, and their \
        median in brackets. One process, one run, by `Benchmarks/compare` on \(machine).

        | | 16 bytes, 1 thread | 2 threads | 36 bytes, 1 thread | 2 threads | against Rollout, 36 bytes | |
        | --- | ---: | ---: | ---: | ---: | ---: | --- |
        \(rows.map(line).joined(separator: "\n"))

        The rows do not do the same. Rollout decides by any policy (rules, allocations, shadows) that other threads may replace \
        at any time, and says why. Unleash's engine also judges targeting constraints and counts what it is asked, and is \
        reached by JSON through C here; contexts were built beforehand.

        """
    }

    private func line(_ row: Row) -> String {
        let cells = [(16, 1), (16, 2), (36, 1), (36, 2)].map { bytes, threads in
            row.measurement(bytes: bytes, threads: threads).map { "\(short($0.minimum)) (\(short($0.median)))" } ?? ""
        }
        return "| \(row.candidate.name) | \(cells.joined(separator: " | ")) | \(ratios(row)) | \(row.candidate.note) |"
    }

    private func ratios(_ row: Row) -> String {
        guard let ours = rows.first(where: \.candidate.isOurs) else { return "" }
        let ratios = [1, 2].map { threads in
            short(row.minimum(bytes: 36, threads: threads) / ours.minimum(bytes: 36, threads: threads))
        }
        return ratios.map { $0 + "x" }.joined(separator: " · ")
    }
}

/// Two digits or three: enough for a measured time.
func short(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    let tenths = Int(value * 10 + 0.5)
    return value < 20 ? "\(tenths / 10).\(tenths % 10)" : "\(Int(value + 0.5))"
}
