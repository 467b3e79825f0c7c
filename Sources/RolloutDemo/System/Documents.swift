import Rollout

/// A policy document that a command reads.
enum PolicyDocument {
    case valid(RolloutPolicy)
    /// One line a problem, as compilers print them: `file:line:column: path: sentence`.
    case invalid([String])

    /// Reads a document; `-` is standard input.
    init(_ path: String) throws(Stop) {
        let input = try Input(path)
        defer { input.close() }
        guard let bytes = try input.readAll(limit: PolicyLimits.documentBytes) else {
            let limit = grouped(PolicyLimits.documentBytes)
            self = .invalid(["\(input.name): expected at most \(limit) bytes of text, found more"])
            return
        }
        do throws(PolicyError) {
            self = .valid(try RolloutPolicy(json: bytes))
        } catch {
            self = .invalid(error.problems.map { Self.line(for: $0, in: input.name) })
        }
    }

    private static func line(for problem: PolicyProblem, in name: String) -> String {
        var place = name
        if let line = problem.line, let column = problem.column { place += ":\(line):\(column)" }
        return place + ": " + (problem.path.isEmpty ? "" : "\(problem.path): ") + problem.message
    }
}

extension RolloutPolicy {
    /// Reads the policy that a command is about: its problems are the command's result.
    init(judging path: String) throws(Stop) {
        switch try PolicyDocument(path) {
        case .valid(let policy): self = policy
        case .invalid(let problems): throw .problems(problems)
        }
    }

    /// Reads the policy of a command that cannot do without one.
    init(at path: String) throws(Stop) {
        switch try PolicyDocument(path) {
        case .valid(let policy): self = policy
        case .invalid(let problems): throw .unusable("the policy is invalid\n" + problems.joined(separator: "\n"))
        }
    }
}

extension SessionRouter {
    /// A session router with the keys of a file, which `--keys` names.
    init(keysAt path: String, allowing readers: SigningKeys.Readers) throws(Stop) {
        do throws(SigningKeyError) {
            self.init(keys: try SigningKeys(contentsOf: path, allowing: readers))
        } catch {
            if error.code == .exposed {
                throw .unusable("--keys: \(error.message); here: \(Option.keysReadableBy.name) group or everyone")
            }
            let place = error.line.map { "\(path):\($0): " } ?? (error.code == .noKey ? "\(path): " : "")
            throw .unusable("--keys: \(place)\(error.message)")
        }
    }
}
