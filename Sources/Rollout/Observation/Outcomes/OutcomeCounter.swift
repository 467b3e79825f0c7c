/// One of the service's own counters, by variant: spam and ham, cache hits, calls of a model.
///
///     let spam = router.outcomes.counter(
///         "sms_messages_classified_total", help: "Messages, by what the model made of them.", labels: ["result": "spam"]
///     )
///     spam.add(for: decision)
///
/// A counter is a trivially copyable value.
@safe public struct OutcomeCounter: Sendable {
    private let recorder: Unmanaged<OutcomeRecorder>
    private let place: Int

    init(_ recorder: Unmanaged<OutcomeRecorder>, number: Int) {
        unsafe self.recorder = recorder
        place = NodeLayout.counters + number
    }

    /// Counts for the variant of a decision. No lock; allocates if the thread is the first of its stripe at the variant.
    ///
    /// - Parameters:
    ///   - amount: How much to add. A counter never falls: a negative amount counts as 0.
    ///   - decision: The decision that served the request.
    @inline(__always)
    public func add(_ amount: Int = 1, for decision: Decision) {
        unsafe recorder._withUnsafeGuaranteedRef { $0.add(UInt64(max(amount, 0)), at: place, decision.variant.number) }
    }

    /// Counts for the variant of a decision, adopted or made afresh.
    public func add(_ amount: Int = 1, for adopted: AdoptedDecision) { add(amount, for: adopted.decision) }

    /// What a counter is called, and what it counts.
    struct Description: Hashable, Sendable {
        let name: String
        let help: String
        let labels: [String: String]

        /// The name and the labels as Prometheus writes them, without those of a variant.
        var series: String {
            if labels.isEmpty { return name }
            let labels = labels.sorted { $0.key < $1.key }.map { "\($0)=\"\($1.escapedForMetrics)\"" }
            return "\(name){\(labels.joined(separator: ","))}"
        }

        /// What is wrong with it, or nil.
        func fault(beside others: [Description]) -> String? {
            if others.count == NodeLayout.counterLimit {
                return "a router has at most \(NodeLayout.counterLimit) counters"
            }
            if !Self.isName(name, also: ":") || !name.dropFirst().hasSuffix("_total") || name.hasPrefix("rollout_") {
                return
                    "a name matches [a-zA-Z_:][a-zA-Z0-9_:]*, ends in _total after something else, and does not begin with "
                    + "rollout_"
            }
            if let other = others.first(where: { clashes(with: $0) || $0.clashes(with: self) }) {
                return
                    "OpenMetrics keeps NAME, NAME_total and NAME_created for the counter NAME_total, here those of "
                    + "\(other.name) or its own"
            }
            if help.allSatisfy(\.isWhitespace) { return "the help says what it counts, in a sentence" }
            if let label = labels.keys.sorted().first(where: { !Self.isLabel($0) }) {
                return
                    "the label \(label): a label matches [a-zA-Z_][a-zA-Z0-9_]*, does not begin with __, and is none of "
                    + Self.reserved.joined(separator: ", ")
            }
            let family = others.filter { $0.name == name }
            if family.contains(where: { $0.labels == labels }) { return "there is one of this name and these labels" }
            if let other = family.first(where: { $0.labels.keys.sorted() != labels.keys.sorted() }) {
                return "counters of one name have the same labels, here \(other.labels.keys.sorted())"
            }
            if let other = family.first(where: { $0.help != help }) {
                return "counters of one name have the same help, here \"\(other.help)\""
            }
            return nil
        }

        /// Whether OpenMetrics could take what it calls this counter for a series of another one's.
        private func clashes(with other: Description) -> Bool {
            let (family, others) = (name.dropLast(6), other.name.dropLast(6))
            return family == "\(others)_total" || family == "\(others)_created"
        }

        private static let reserved = ["rollout", "variant", "version", "outcome", "le"]

        private static func isLabel(_ label: String) -> Bool {
            isName(label) && !label.hasPrefix("__") && !reserved.contains(label)
        }

        /// By scalars: a letter with a mark is a character between `a` and `z`, too.
        private static func isName(_ text: String, also extra: Unicode.Scalar? = nil) -> Bool {
            guard let first = text.unicodeScalars.first, !("0"..."9").contains(first) else { return false }
            return text.unicodeScalars.allSatisfy { character in
                ("a"..."z").contains(character) || ("A"..."Z").contains(character) || ("0"..."9").contains(character)
                    || character == "_" || character == extra
            }
        }
    }
}
