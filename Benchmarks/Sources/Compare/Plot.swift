#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Bars on a logarithmic scale, for ids of 36 bytes: one thread, and two at once. Readable on light and dark ground.
struct Plot {
    private let report: Report
    private let left = 170.0
    private let right = 740.0
    private let top = 64.0
    private let rowHeight = 44.0

    init(_ report: Report) { self.report = report }

    var svg: String {
        let height = Int(top + rowHeight * Double(report.rows.count) + 56)
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 \(height)" role="img" font-family="system-ui, sans-serif">
            <title>Nanoseconds a decision, ids of 36 bytes</title>
            <style>
            text { fill: #1f2328; font-size: 13px } .small { fill: #59636e; font-size: 11px }
            .grid { stroke: #d1d9e0 } .one { fill: #8c959f } .two { fill: #c8cfd6 }
            .ours.one { fill: #d9480f } .ours.two { fill: #f0a882 }
            @media (prefers-color-scheme: dark) {
            text { fill: #f0f6fc } .small { fill: #9198a1 } .grid { stroke: #3d444d }
            .one { fill: #9198a1 } .two { fill: #565e68 } .ours.one { fill: #ff7b3a } .ours.two { fill: #a3522a } }
            </style>
            <text x="16" y="24" font-weight="600">Nanoseconds a decision, ids of 36 bytes (logarithmic)</text>
            <text x="16" y="42" class="small">\(escaped(report.machine))</text>
            \(grid)
            \(report.rows.enumerated().map { bars($1, at: $0) }.joined(separator: "\n"))
            \(legend)
            </svg>

            """
    }

    private var bottom: Double { top + rowHeight * Double(report.rows.count) }

    private var grid: String {
        [1.0, 10, 100, 1_000, 10_000].map { value in
            """
            <line class="grid" x1="\(x(value))" x2="\(x(value))" y1="\(top - 8)" y2="\(bottom)"/>\
            <text class="small" x="\(x(value))" y="\(bottom + 16)" text-anchor="middle">\(Int(value))</text>
            """
        }.joined(separator: "\n")
    }

    private func bars(_ row: Report.Row, at index: Int) -> String {
        let y = top + rowHeight * Double(index)
        let ours = row.candidate.isOurs ? "ours " : ""
        let weight = row.candidate.isOurs ? 600 : 400
        let label = """
            <text x="16" y="\(y + 22)" font-weight="\(weight)">\(escaped(row.candidate.name))</text>
            """
        let bars = [(1, "one", 2.0), (2, "two", 18.0)].map { threads, style, offset in
            let value = row.minimum(bytes: 36, threads: threads)
            return """
                <rect class="\(ours)\(style)" x="\(left)" y="\(y + offset)" width="\(rounded(x(value) - left))" height="14" rx="2"/>\
                <text class="small" x="\(x(value) + 5)" y="\(y + offset + 11)">\(short(value))</text>
                """
        }
        return ([label] + bars).joined(separator: "\n")
    }

    private var legend: String {
        let y = bottom + 38
        return """
            <rect class="one" x="\(left)" y="\(y - 10)" width="12" height="12" rx="2"/>\
            <text class="small" x="\(left + 18)" y="\(y)">1 thread</text>
            <rect class="two" x="\(left + 90)" y="\(y - 10)" width="12" height="12" rx="2"/>\
            <text class="small" x="\(left + 108)" y="\(y)">2 threads, each</text>
            """
    }

    /// 1 ns at the left, 10 microseconds at the right.
    private func x(_ value: Double) -> Double {
        let share = min(max(log10(value) / 4, 0.002), 1)
        return rounded(left + share * (right - left))
    }

    private func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }

    private func escaped(_ text: String) -> String {
        text.reduce(into: "") { $0 += $1 == "&" ? "&amp;" : $1 == "<" ? "&lt;" : String($1) }
    }
}
