import Rollout

/// A policy document in a file, with what is wrong with it as compilers say it.
enum PolicyFile {
    /// Reads a policy for a command that needs one.
    static func policy(at path: String) throws(Stop) -> RolloutPolicy {
        switch try contents(of: path) {
        case .valid(let policy): return policy
        case .invalid(let problems): throw .unusable("the policy is invalid\n" + problems.joined(separator: "\n"))
        }
    }

    enum Contents {
        case valid(RolloutPolicy)
        /// One line a problem: `file:line:column: path: sentence`.
        case invalid([String])
    }

    static func contents(of path: String) throws(Stop) -> Contents {
        let input = try Input(path)
        defer { input.close() }
        guard let bytes = try input.readAll(limit: PolicyLimits.documentBytes) else {
            let limit = grouped(PolicyLimits.documentBytes)
            return .invalid(["\(input.name): expected at most \(limit) bytes of text, found more"])
        }
        do throws(PolicyError) {
            return .valid(try RolloutPolicy(json: bytes))
        } catch {
            return .invalid(error.problems.map { line(for: $0, in: input.name) })
        }
    }

    private static func line(for problem: PolicyProblem, in name: String) -> String {
        var place = name
        if let line = problem.line, let column = problem.column { place += ":\(line):\(column)" }
        return place + ": " + (problem.path.isEmpty ? "" : "\(problem.path): ") + problem.message
    }
}
