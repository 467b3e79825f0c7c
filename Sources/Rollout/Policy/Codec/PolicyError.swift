/// A policy is wrong: everything that is, found in one pass.
public struct PolicyError: Error, Hashable, Sendable {
    /// At least one problem, in the order of the text where there is one.
    public let problems: [PolicyProblem]

    init(_ problems: [PolicyProblem]) { self.problems = problems }

    init(_ problem: PolicyProblem) { self.init([problem]) }
}

extension PolicyError: CustomStringConvertible {
    /// One line a problem.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// One thing that is wrong with a policy: where, what was found, and what is allowed.
public struct PolicyProblem: Hashable, Sendable {
    /// The kind of problem, for programs.
    public let code: Code
    /// The place in the document, such as `rollouts.sms.strategy.variants[1].weight`; empty for the document itself.
    public let path: String
    /// The line in the text, from 1, where the policy came from text.
    public let line: Int?
    /// The column in Unicode scalars, from 1, where the policy came from text.
    public let column: Int?
    /// A sentence for people, with the value found and what is allowed.
    public let message: String

    init(_ code: Code, at path: String, _ message: String) { self.init(code, at: path, nil, message) }

    init(_ code: Code, at path: String, _ position: JSONPosition?, _ message: String) {
        self.code = code
        self.path = path
        self.line = position?.line
        self.column = position?.column
        self.message = message
    }
}

extension PolicyProblem: CustomStringConvertible {
    /// Position, path and sentence: `line 12, column 30: rollouts.sms.epoch: expected …, found …`.
    public var description: String {
        var text = ""
        if let line, let column { text += "line \(line), column \(column): " }
        if !path.isEmpty { text += "\(path): " }
        return text + message
    }
}
