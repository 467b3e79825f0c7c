import Rollout

/// The text of a policy document that a command reads.
struct PolicyText {
    /// What messages call it.
    private let name: String
    /// The text, or nil if there is more than a document may have.
    let bytes: [UInt8]?

    /// Reads a text; `-` is standard input.
    init(_ path: String) throws(Stop) {
        let input = try Input(path)
        defer { input.close() }
        name = input.name
        bytes = try input.readAll(limit: PolicyLimits.documentBytes)
    }

    var document: PolicyDocument {
        guard let bytes else {
            let limit = grouped(PolicyLimits.documentBytes)
            return .invalid(["\(name): expected at most \(limit) bytes of text, found more"])
        }
        do throws(PolicyError) {
            return .valid(try RolloutPolicy(json: bytes))
        } catch {
            return .invalid(error.problems.map(line))
        }
    }

    /// The warnings of the policy that was read from this text, one line each.
    func warnings(of policy: RolloutPolicy) -> [String] { policy.warnings(in: bytes ?? []).map(line) }

    /// A problem or a warning as compilers print it: `file:line:column: path: sentence`.
    func line(for problem: PolicyProblem) -> String {
        var place = name
        if let line = problem.line, let column = problem.column { place += ":\(line):\(column)" }
        return place + ": " + (problem.path.isEmpty ? "" : "\(problem.path): ") + problem.message
    }
}

extension PolicyText {
    /// The policy that a command is about: its problems are the command's result.
    func judged() throws(Stop) -> RolloutPolicy {
        switch document {
        case .valid(let policy): return policy
        case .invalid(let problems): throw .problems(problems)
        }
    }
}

/// A policy document, valid or not.
enum PolicyDocument {
    case valid(RolloutPolicy)
    /// One line a problem.
    case invalid([String])

    /// Reads a document; `-` is standard input.
    init(_ path: String) throws(Stop) { self = try PolicyText(path).document }
}

extension RolloutPolicy {
    /// Reads the policy that a command is about: its problems are the command's result.
    init(judging path: String) throws(Stop) { self = try PolicyText(path).judged() }

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
                let helpful = [SigningKeys.Readers.group, .everyone].filter { Self.mayRead(path, $0) }
                let advice = helpful.isEmpty ? "" : "; here: \(Option.keysReadableBy.name) "
                throw .unusable(
                    "--keys: \(error.message)\(advice)\(helpful.map(\.description).joined(separator: " or "))"
                )
            }
            let place = error.line.map { "\(path):\($0): " } ?? (error.code == .noKey ? "\(path): " : "")
            throw .unusable("--keys: \(place)\(error.message)")
        }
    }

    /// Whether the permissions of a key file are no obstacle, if these may read it.
    private static func mayRead(_ path: String, _ readers: SigningKeys.Readers) -> Bool {
        do throws(SigningKeyError) {
            _ = try SigningKeys(contentsOf: path, allowing: readers)
            return true
        } catch {
            return error.code != .exposed
        }
    }
}
