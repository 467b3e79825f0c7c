/// How much may still be said about a policy. Nobody reads a million problems, and 16 MiB of text can hold eight million.
///
/// Counts bytes too, because one long key can stand in the path of every problem.
struct ProblemBudget {
    private var problems = PolicyLimits.problems
    private var bytes = PolicyLimits.documentBytes

    /// Whether there was more to say than may be said, so that nothing more need be looked for.
    private(set) var isExceeded = false

    /// What to do about one more problem.
    enum Verdict { case list, listNoMore, ignore }

    mutating func verdict() -> Verdict {
        if problems > 0, bytes > 0 { return .list }
        defer { isExceeded = true }
        return isExceeded ? .ignore : .listNoMore
    }

    mutating func spend(on path: JSONPath, _ message: String) {
        problems -= 1
        bytes -= message.utf8.count
        for case .key(let key) in path.elements { bytes -= key.utf8.count }
    }

    /// What is said of the document as a whole in place of the rest.
    static let message =
        "more than \(grouped(PolicyLimits.problems)) problems, or \(grouped(PolicyLimits.documentBytes)) bytes of them: "
        + "the rest is not listed"
}
