extension Explanation: CustomStringConvertible {
    /// The explanation for a person: a paragraph on the request, the rules with an arrow at the one that decided, the
    /// decision.
    public var description: String { text(noting: []) }

    /// The text with further lines about the request.
    func text(noting notes: [String]) -> String {
        let kind = strategy.map { "\($0.rawValue), " } ?? ""
        let request = "unit \(unit.map(quoted) ?? "none"), host \(host.map(quoted) ?? "none")"
        var lines =
            ["\(rollout): \(kind)epoch \(decision.epoch), revision \(decision.revision)", request] + notes + [""]
        if let progression { lines.insert("progression: \(progression.outline)", at: 2) }
        if let adaptation { lines.insert("adaptation: \(adaptation.outline)", at: 2) }
        let all = steps + (sampling.map { [$0] } ?? [])
        let width = all.map(\.rule.title.count).max() ?? 0
        var isDecided = false
        for (index, step) in all.enumerated() {
            let gap = String(repeating: " ", count: width - step.rule.title.count + 3)
            let head = "\(step.decides ? "->" : "  ") \(index + 1). \(step.rule.title)\(gap)"
            let indent = String(repeating: " ", count: head.count)
            if isDecided, step.rule != .shadow {
                lines.append("\(head)not asked: \(step.saw)")
            } else {
                lines.append(head + step.saw)
                lines += step.details.map { indent + $0 }
            }
            isDecided = isDecided || step.decides
        }
        return (lines + ["", "decision: \(decision)"]).joined(separator: "\n")
    }
}

extension ProgressionPlan {
    /// The plan on a line: `1, 5, 25, 50 %, then everybody; counts units, and decides nothing by itself`.
    fileprivate var outline: String {
        let shares = steps.map(\.percentText).joined(separator: ", ")
        return "\(shares) %, then everybody; counts \(count.rawValue), and decides nothing by itself"
    }
}

extension AdaptationPlan {
    /// The plan on a line.
    fileprivate var outline: String {
        "every \(grouped(interval)) s, at least \(floor) for each variant; decides nothing by itself"
    }
}

extension Explanation.Step {
    /// What stands below the line that says what the rule saw.
    fileprivate var details: [String] {
        var lines = draw.map { $0.numbers + $0.table } ?? []
        if decides, let answer {
            lines.append("so: \(answer.variant.name) (\(answer.variant.release)), \(answer.reason)")
        }
        return lines
    }
}

extension Explanation.Draw {
    /// Up to this many ranges are all listed; of more, those near the bucket.
    private static let listed = 12
    private static let near = 3

    fileprivate var numbers: [String] {
        if let stated { return stated.numbers + ["bucket  \(grouped(bucket)) of \(grouped(Share.bucketCount))"] }
        guard let key else { return [] }
        return [
            "key     \(digits(key))   XXH3-64 of the unit",
            "salt    \(digits(saltHash))   XXH3-64 of \(quoted("rollout\u{0}\(salt)"))",
            "bucket  \(grouped(bucket)) of \(grouped(Share.bucketCount))",
        ]
    }

    /// The ranges in columns, an arrow at the one that holds the bucket.
    fileprivate var table: [String] {
        let shown =
            ranges.count <= Self.listed
            ? ranges.indices : max(0, place - Self.near)..<min(ranges.count, place + Self.near + 1)
        let rows = shown.map { index in
            let range = ranges[index]
            let note = range.variant == nil ? "" : range.isDisabled ? "disabled" : range.isDraining ? "draining" : ""
            return [
                range.variant?.text ?? "nobody", grouped(range.buckets.lowerBound), grouped(range.buckets.upperBound),
                note,
                index == place ? "<- \(grouped(bucket))" : "",
            ]
        }
        let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
        let lines = rows.map { row in
            let line =
                "  " + row[0].padded(to: widths[0]) + "  " + row[1].padded(to: widths[1], atEnd: false) + " ..< "
                + row[2].padded(to: widths[2], atEnd: false)
                + (widths[3] > 0 ? "  " + row[3].padded(to: widths[3]) : "")
                + "  " + row[4]
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
        let hidden = ranges.count - shown.count
        return lines + (hidden > 0 ? ["  (\(grouped(hidden)) more \(hidden == 1 ? "range" : "ranges"))"] : [])
    }
}

extension Explanation.StatedDraw {
    /// From the text to the bucketing's own bucket.
    fileprivate var numbers: [String] {
        let hash = bucketing.hash.rawValue + (bucketing.hash.isDigest ? ", \(bucketing.bits) bits," : "")
        let cells = bucketing.buckets.map {
            ["number  \(grouped(cell)) of \(grouped($0))   by \(bucketing.reduction.rawValue)"]
        }
        return ["hash    \(number)   \(hash) of \(quoted(text))"] + (cells ?? [])
    }

    fileprivate var tree: JSONTree {
        .object([
            ("bucketing", PolicyWriter.tree(of: bucketing)), ("text", .string(text)), ("number", .string(number)),
            ("cell", .integer(cell)),
        ])
    }
}

extension String {
    fileprivate func padded(to width: Int, atEnd: Bool = true) -> String {
        let blanks = String(repeating: " ", count: max(0, width - count))
        return atEnd ? self + blanks : blanks + self
    }
}

/// A hash as 16 digits after `0x`.
private func digits(_ number: UInt64) -> String { "0x" + hexadecimal(number, digits: 16) }

extension Explanation: Encodable {
    /// Encodes the explanation with the keys of ``json``.
    public func encode(to encoder: any Encoder) throws { try tree.encode(to: encoder) }

    /// The explanation as canonical JSON, for a program.
    ///
    /// | key | value |
    /// | --- | --- |
    /// | `rollout`, `strategy` | the id; `fixed`, `canary`, `ab_test`, `shadow`, or null if the policy has no such rollout |
    /// | `unit`, `host` | as the request brings them, or null |
    /// | `decision` | as ``Decision`` is encoded |
    /// | `steps` | an array, one object a rule |
    /// | `sampling` | an object like a step's, or null for a strategy without a shadow |
    /// | `progression`, `adaptation` | the plan as the policy document has it, or null |
    ///
    /// A step has `rule`, `saw` (a clause for a person), `answer` (as `decision`, or null if the rule does not apply),
    /// `decides` (true in exactly one) and `draw`, which is null or has
    ///
    /// | key | value |
    /// | --- | --- |
    /// | `salt`, `saltHash` | the text, and its hash as `0x` and 16 digits |
    /// | `key` | XXH3-64 of the unit in the same form, or null if an assignment or a stated bucketing supplied the bucket |
    /// | `stated` | null, or what a stated bucketing made of the unit: `bucketing`, `text`, `number`, `cell` |
    /// | `bucket` | 0 ... 999,999 |
    /// | `owner` | `variant` (null for nobody), `from`, `to` (the first bucket after it), `disabled`, `draining` |
    public var json: String { tree.canonicalText }

    /// The members of ``json``.
    var members: [(key: String, value: JSONTree)] {
        [
            ("rollout", .string(rollout.text)),
            ("strategy", strategy.map { .string($0.rawValue) } ?? .null),
            ("unit", unit.map { .string($0) } ?? .null),
            ("host", host.map { .string($0) } ?? .null),
            ("decision", decision.tree),
            ("steps", .array(steps.map(\.tree))),
            ("sampling", sampling?.tree ?? .null),
            ("progression", progression.map { PolicyWriter.tree(of: $0) } ?? .null),
            ("adaptation", adaptation.map { PolicyWriter.tree(of: $0) } ?? .null),
        ]
    }

    fileprivate var tree: JSONTree { .object(members) }
}

extension Explanation.Step {
    fileprivate var tree: JSONTree {
        .object([
            ("rule", .string(rule.description)),
            ("saw", .string(saw)),
            ("answer", answer?.tree ?? .null),
            ("decides", .boolean(decides)),
            ("draw", draw?.tree ?? .null),
        ])
    }
}

extension Explanation.Draw {
    fileprivate var tree: JSONTree {
        .object([
            ("salt", .string(salt)),
            ("saltHash", .string(digits(saltHash))),
            ("key", key.map { .string(digits($0)) } ?? .null),
            ("stated", stated?.tree ?? .null),
            ("bucket", .integer(bucket)),
            (
                "owner",
                .object([
                    ("variant", owner.variant.map { .string($0.text) } ?? .null),
                    ("from", .integer(owner.buckets.lowerBound)),
                    ("to", .integer(owner.buckets.upperBound)),
                    ("disabled", .boolean(owner.isDisabled)),
                    ("draining", .boolean(owner.isDraining)),
                ])
            ),
        ])
    }
}
