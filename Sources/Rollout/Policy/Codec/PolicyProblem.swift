/// A policy is wrong: everything that is wrong with it, found in one pass.
public struct PolicyError: Error, Hashable, Sendable {
    /// At least one problem. Problems of a text come in the order of the text.
    public let problems: [PolicyProblem]

    init(_ problems: [PolicyProblem]) { self.problems = problems }

    init(_ problem: PolicyProblem) { self.init([problem]) }

    /// Whose part it is to do something about the error: that of whoever wrote the document, unless every problem is this
    /// process's.
    public var fault: Fault { problems.first { $0.fault == .document }?.fault ?? .process }
}

extension PolicyError: CustomStringConvertible {
    /// One line for each problem.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

extension PolicyError: Encodable {
    /// Encodes the error as an object: the `code` "invalid", the `message`, and all `problems`.
    public func encode(to encoder: any Encoder) throws {
        let tree = JSONTree.object([
            ("code", .string("invalid")),
            ("message", .string(description)),
            ("problems", .array(problems.map(\.tree))),
        ])
        try tree.encode(to: encoder)
    }
}

/// One thing that is wrong with a policy, or probably not meant: where, what was found, and what is allowed.
public struct PolicyProblem: Hashable, Sendable {
    /// The kind of problem, for programs.
    public let code: Code
    /// A sentence for people, with the value found and what is allowed.
    public let message: String
    /// The place in the document.
    let place: JSONPath
    /// The place in the text, if the policy came from text.
    let position: JSONPosition?

    init(_ code: Code, at place: JSONPath, position: JSONPosition? = nil, _ message: String) {
        self.code = code
        self.place = place
        self.position = position
        self.message = message
    }

    /// The place in the document, such as `rollouts.sms.strategy.variants[1].weight`; empty for the document itself.
    public var path: String { place.description }

    /// The line in the text, from 1, or nil if the policy did not come from text.
    public var line: Int? { position?.line }

    /// The column in Unicode scalars, from 1, or nil if the policy did not come from text.
    public var column: Int? { position?.column }

    /// Whose part it is to do something about the problem: that of whoever wrote the document, or this process's, if it can
    /// remember no more names.
    public var fault: Fault {
        [.tooManyVariants, .tooManyCookies, .tooManyRemoved].contains(code) ? .process : .document
    }
}

extension PolicyProblem {
    /// The problem of a text that is not JSON.
    init(_ error: JSONError) {
        let code: Code =
            switch error.code {
            case .tooLarge: .tooLarge
            case .tooDeep: .tooDeep
            default: .syntax
            }
        self.init(code, at: "", position: error.position, error.message)
    }

    /// The same problem, with the place in the text that it came from.
    func found(at position: JSONPosition) -> PolicyProblem {
        PolicyProblem(code, at: place, position: position, message)
    }
}

extension PolicyProblem: CustomStringConvertible {
    /// Position, path and sentence: `line 12, column 30: rollouts.sms.epoch: expected …, found …`.
    public var description: String {
        let start = position.map { "line \($0.line), column \($0.column): " } ?? ""
        return start + (place.elements.isEmpty ? "" : "\(path): ") + message
    }
}

extension PolicyProblem: Encodable {
    /// Encodes the problem as an object of `code`, `path`, `line`, `column` and `message`; a missing position is null.
    public func encode(to encoder: any Encoder) throws { try tree.encode(to: encoder) }

    fileprivate var tree: JSONTree {
        .object([
            ("code", .string(code.description)),
            ("path", .string(path)),
            ("line", line.map { .integer($0) } ?? .null),
            ("column", column.map { .integer($0) } ?? .null),
            ("message", .string(message)),
        ])
    }
}

/// Collects what is wrong with a policy. Nobody reads a million problems, and 16 MiB of text can hold eight million: so
/// there is a limit, after which only the fact is listed that there are more.
///
/// The limit counts bytes too, because one long key can be in the path of every problem.
struct ProblemList {
    private(set) var all: [PolicyProblem] = []
    /// Whether there was more to report than fits, so that nothing more need be looked for.
    private(set) var isFull = false

    /// Where the document starts in its text, if it has one.
    private let start: JSONPosition?
    private var bytesLeft = PolicyLimits.documentBytes

    init(of start: JSONPosition? = nil) { self.start = start }

    /// Everything that is wrong, or nil if nothing is.
    var error: PolicyError? { all.isEmpty ? nil : PolicyError(all) }

    /// Adds a problem. What makes up the problem is only computed if it is listed.
    mutating func report(
        _ code: PolicyProblem.Code,
        at place: @autoclosure () -> JSONPath,
        position: @autoclosure () -> JSONPosition? = nil,
        _ message: @autoclosure () -> String
    ) {
        if hasRoom() { add(PolicyProblem(code, at: place(), position: position(), message())) }
    }

    // Not inlined into the many places that report something.

    @inline(never)
    private mutating func hasRoom() -> Bool {
        guard !isFull else { return false }
        if all.count < PolicyLimits.problems, bytesLeft > 0 { return true }
        isFull = true
        all.append(PolicyProblem(.tooMany, at: "", position: start, Self.andMore))
        return false
    }

    @inline(never)
    private mutating func add(_ problem: PolicyProblem) {
        bytesLeft -= problem.message.utf8.count
        for case .key(let key) in problem.place.elements { bytesLeft -= key.utf8.count }
        all.append(problem)
    }

    private static let andMore =
        "more than \(grouped(PolicyLimits.problems)) problems, or \(grouped(PolicyLimits.documentBytes)) bytes of them: "
        + "the rest is not listed"
}

extension PolicyProblem {
    /// The kind of a problem. A minor release may add kinds.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The kind as a word, stable between releases.
        public let description: String

        private init(_ description: String) { self.description = description }

        /// The text is not JSON.
        public static let syntax = Code("syntax")
        /// The text has more bytes than a policy may.
        public static let tooLarge = Code("tooLarge")
        /// The text is nested deeper than a policy may be.
        public static let tooDeep = Code("tooDeep")
        /// More rollouts, variants, hosts, units or ranges than a policy may hold.
        public static let tooMany = Code("tooMany")
        /// More distinct variants than a process may ever know.
        public static let tooManyVariants = Code("tooManyVariants")
        /// More distinct cookies than a process may ever know.
        public static let tooManyCookies = Code("tooManyCookies")
        /// A new rollout for a router that already remembers as many removed ones as it may.
        public static let tooManyRemoved = Code("tooManyRemoved")
        /// The same key twice in one object.
        public static let duplicateKey = Code("duplicateKey")
        /// A key that means nothing here.
        public static let unknownKey = Code("unknownKey")
        /// Something that must be there is not.
        public static let missing = Code("missing")
        /// A value of another type than expected.
        public static let wrongType = Code("wrongType")
        /// A number outside its range, or not a multiple of its step.
        public static let outOfRange = Code("outOfRange")
        /// A word outside its list.
        public static let unknownValue = Code("unknownValue")
        /// A `schema` that this library does not read.
        public static let unsupportedSchema = Code("unsupportedSchema")
        /// A text that is not a name.
        public static let badName = Code("badName")
        /// A text that is not a version.
        public static let badVersion = Code("badVersion")
        /// A text that is empty, too long, or holds U+0000.
        public static let badText = Code("badText")
        /// A text that cannot be a host.
        public static let badHost = Code("badHost")
        /// The same host twice, once its case, port and trailing dot are gone.
        public static let duplicateHost = Code("duplicateHost")
        /// A release without a component.
        public static let emptyRelease = Code("emptyRelease")
        /// A release that `compatible` does not list.
        public static let incompatibleRelease = Code("incompatibleRelease")
        /// A name that is no variant of the rollout.
        public static let unknownVariant = Code("unknownVariant")
        /// A variant that must not stand here: the first one disabled, the shadow forced.
        public static let forbiddenVariant = Code("forbiddenVariant")
        /// Two variants of one name, or one listed twice.
        public static let duplicateVariant = Code("duplicateVariant")
        /// Two variants that a token could not tell apart.
        public static let tagCollision = Code("tagCollision")
        /// Weights whose sum is 0.
        public static let badWeights = Code("badWeights")
        /// Ranges that do not tile the coverage, or do not agree with the weights.
        public static let badAllocation = Code("badAllocation")
        /// A part of a bucketing that does not go with the rest of it.
        public static let badBucketing = Code("badBucketing")
        /// A draw of an enrolment that is none, or ranges that overlap or run backwards.
        public static let badEnrolment = Code("badEnrolment")
        /// Two rollouts with a bucket of one layer in common.
        public static let overlappingLayers = Code("overlappingLayers")
        /// A cookie that browsers would not keep.
        public static let badCookie = Code("badCookie")
        /// A cookie that cannot be told from another rollout's: one name, and one request can carry both.
        public static let overlappingCookies = Code("overlappingCookies")
        /// `missingUnit` is `assign`, and there is an enrolment, which needs a unit.
        public static let needsUnit = Code("needsUnit")
        /// `missingUnit` is `assign`, and no cookie remembers what was assigned.
        public static let needsSticky = Code("needsSticky")
        /// A plan, or a part of one, that means nothing beside the rest of the rollout.
        public static let forbiddenPlan = Code("forbiddenPlan")
        /// A warning: a share that the buckets of a rollout cannot express, and another one that really occurs.
        public static let inexactShare = Code("inexactShare")
        /// A warning: a draw before a rollout's own that is one with some rollout's, because both have one salt.
        public static let sharedSalt = Code("sharedSalt")
        /// A warning: a number of fewer values than there are buckets, some of which no unit can have.
        public static let unusedBuckets = Code("unusedBuckets")
        /// A warning: each step of a progression waits for sessions to end.
        public static let slowProgression = Code("slowProgression")
        /// A warning: a variant whose release has other components than the first variant's.
        public static let differentComponents = Code("differentComponents")
        /// A warning: a cookie for a domain that none of the rollout's hosts is in.
        public static let hostsOutsideDomain = Code("hostsOutsideDomain")
    }
}
