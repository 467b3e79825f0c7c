import Rollout

extension ExplainedRules {
    /// The most ranges that are listed in full.
    private static let listedRanges = 12

    /// How a bucket came about.
    func told(_ trace: DrawTrace, _ unit: String, _ salt: String) -> [String] {
        [
            "key    0x\(hexadecimal(trace.key))   XXH3-64 of \(quoted(unit))",
            "salt   0x\(hexadecimal(trace.saltHash))   XXH3-64 of \(quoted("rollout\u{0}" + salt))",
            "bucket \(grouped(trace.bucket)) of 1,000,000",
        ]
    }

    /// Who owns which buckets, an arrow at the bucket drawn; of many ranges, those near it.
    func rangeLines(around bucket: Int) -> [String] {
        let allocation = Allocation(definition)
        let ranges = allocation.runs.map { run in
            let owner = run.owner.map { allocation.variants[$0].name }
            return (owner: owner?.text ?? "nobody", note: owner.map(note) ?? "not enrolled", run.buckets)
        }
        let hit = ranges.firstIndex { $0.2.contains(bucket) } ?? 0
        let shown = ranges.count <= Self.listedRanges ? ranges.indices : max(0, hit - 3)..<min(ranges.count, hit + 4)
        var table = Table("lrlrll")
        for index in shown {
            let (owner, note, buckets) = ranges[index]
            table.add(
                "\(owner)",
                "\(grouped(buckets.lowerBound))",
                "..<",
                "\(grouped(buckets.upperBound))",
                index == hit ? "<- \(grouped(bucket))" : "",
                "\(note)"
            )
        }
        let hidden = ranges.count - shown.count
        return table.lines() + (hidden > 0 ? ["  (\(counted(hidden, "range")) not shown)"] : [])
    }

    private func note(on variant: VariantName) -> String {
        if definition.disabled.contains(variant) { return "disabled" }
        return definition.draining.contains(variant) ? "draining" : ""
    }

    private func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
