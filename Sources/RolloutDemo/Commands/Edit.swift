import Rollout

extension Option {
    fileprivate static let by = Option(name: "--by", value: "WHO", summary: "who makes the edit, for the record")
    fileprivate static let because = Option(name: "--because", value: "WHY", summary: "the reason, for the record")
    fileprivate static let record = Option(
        name: "--record",
        value: "LOG",
        summary: "appends a record of the edit to a file of JSON Lines"
    )
    fileprivate static let inPlace = Option(
        name: "--in-place",
        summary: "writes the edited policy into FILE, whole or not at all, and prints it nowhere else"
    )
    fileprivate static let quiet = Option(name: "--quiet", summary: "prints only the edited policy, not who would move")
}

extension Command {
    /// Prints an edited policy, and who would move.
    static let edit = Command(
        name: "edit",
        operands: [
            Operand(name: "FILE", isRequired: true), Operand(name: "OPERATION", isRequired: true),
            Operand(name: "ARGUMENT…", isRepeated: true),
        ],
        options: [.inPlace, .by, .because, .record, .now, .quiet],
        summary: "prints the edited policy with its revision raised, and on standard error who would move where",
        details: [
            "FILE may be - for standard input. With --in-place the new text is written beside FILE and takes its name, with its",
            "permissions and its owner; a link stays, and the file that it leads to is replaced. If that fails, FILE stays as it",
            "was. Epochs rise by themselves where the edit demands it.",
            "", "operations:",
        ] + EditOperation.all.flatMap { ["  \($0.usage)", "      \($0.summary)"] }
    ) { arguments throws(Stop) in
        let edit = try EditOperation.edit(arguments.operands(from: 1))
        let file = arguments.operand(0) ?? "-"
        let isInPlace = arguments.has(.inPlace)
        if isInPlace, file == "-" { throw .unusable("edit: --in-place needs a file, and FILE is standard input") }
        let text = try PolicyText(file)
        let policy = try text.judged()
        let edited = try await arguments.edited(policy, edit) { edited throws(Stop) in
            let new = try indented(policy: edited, schema: text.schema)
            if isInPlace {
                try rewrite(file, from: text.bytes ?? [], to: new)
            } else {
                var output = Output.standard
                output.append(line: new)
                try output.flush()
            }
        }
        if !arguments.has(.quiet) {
            var errors = Output.error
            for line in try await Plan(from: policy, to: edited).lines() { errors.append(line: line) }
            try errors.flush()
        }
        return .success
    }
}

private func rewrite(_ file: String, from old: [UInt8], to text: String) throws(Stop) {
    do throws(FileError) {
        if try DurableFile.rewrite(file, from: old, to: Array(text.utf8) + [UInt8(ascii: "\n")]) { return }
    } catch {
        throw .unusable("edit: \(error)")
    }
    throw .problems(["\(file): another change came first, and this edit was not made; run it again"])
}

extension Arguments {
    /// Has a router edit the policy, as a service would, keeps the result, and then records the outcome.
    ///
    /// The log is opened first: one that cannot be used leaves everything as it was.
    fileprivate func edited(
        _ policy: RolloutPolicy,
        _ edit: EditOperation.Edit,
        _ keep: (RolloutPolicy) throws(Stop) -> Void
    ) async throws(Stop) -> RolloutPolicy {
        let now = try time(.now) ?? .now
        do {
            let recorder = try self[.record].map { log in try JSONLinesRecorder(log) }
            let router = try RolloutRouter(policy: policy, now: now)
            let updater = RolloutUpdater(router)
            let failure: UpdateError?
            do throws(UpdateError) {
                try await updater.update(by: self[.by], because: self[.because], now: now) { try edit(&$0) }
                failure = nil
            } catch {
                failure = error
            }
            let edited = router.snapshot().policy
            if failure == nil { try keep(edited) }
            // The record before it is of the policy that this process started with, which is no change of anybody's.
            if let recorder, let record = updater.history.last {
                do {
                    try recorder.append(record)
                } catch  where failure == nil {
                    throw Stop.unusable("edit: the edit was made, and its record is not in the log: \(error)")
                }
            }
            guard let failure else { return edited }
            if failure.code == .editFailed, let thrown = failure.underlying { throw Stop.unusable("edit: \(thrown)") }
            throw Stop.problems(["\(failure)"])
        } catch let stop as Stop {
            throw stop
        } catch {
            throw .unusable("edit: \(error)")
        }
    }
}

/// A policy on several lines, with the `$schema` that its text had for editors. A policy has none.
private func indented(policy: RolloutPolicy, schema: String?) throws(Stop) -> String {
    let schema = schema.map { "\"$schema\":" + JSONTree.string($0).canonicalText + "," } ?? ""
    do throws(JSONError) {
        return indented(try JSONDocument(parsing: Array("{\(schema)\(policy.json.dropFirst())".utf8)).root, depth: 4)
    } catch {
        throw .unusable("the policy is no JSON: \(error)")
    }
}

extension PolicyText {
    fileprivate var schema: String? {
        bytes.flatMap { bytes in (try? JSONDocument(parsing: bytes))?.root["$schema"]?.string }
    }
}

/// The words after an operation's name, read one after the other.
struct EditWords {
    private let operation: EditOperation
    private var words: ArraySlice<String>

    init(_ words: ArraySlice<String>, of operation: EditOperation) {
        self.operation = operation
        self.words = words
    }

    var isEmpty: Bool { words.isEmpty }

    /// The next word, or nil if there is none.
    mutating func next() -> String? { words.popFirst() }

    mutating func id() throws(Stop) -> RolloutID {
        let word = try word("ID")
        guard let id = RolloutID(word) else { throw unusable("ID", Self.name, word) }
        return id
    }

    mutating func variant() throws(Stop) -> VariantName {
        let word = try word("VARIANT")
        guard let variant = VariantName(word) else { throw unusable("VARIANT", Self.name, word) }
        return variant
    }

    mutating func share() throws(Stop) -> Share {
        let word = try word("PERCENT")
        guard let share = Share(percentText: word) else {
            throw unusable("PERCENT", "a multiple of 0.0001 in 0 ... 100, without a sign for percent", word)
        }
        return share
    }

    mutating func unit() throws(Stop) -> UnitID { UnitID(try word("UNIT")) }

    mutating func host() throws(Stop) -> HostName {
        let word = try word("HOST")
        if let expectation = HostForm.expectation(forPortOf: word) { throw unusable("HOST", expectation, word) }
        return HostName(word)
    }

    mutating func weight() throws(Stop) -> Int {
        let word = try word("WEIGHT")
        guard let weight = Int(word) else { throw unusable("WEIGHT", Self.integer, word) }
        return weight
    }

    /// The policy of a file, which is not standard input: that may be FILE.
    mutating func policy(_ what: String) throws(Stop) -> RolloutPolicy {
        let word = try word(what)
        guard word != "-" else { throw unusable(what, "a file", word) }
        return try RolloutPolicy(judging: word)
    }

    mutating func release() throws(Stop) -> Release {
        var versions: [Release.Component: String] = [:]
        try pairs("COMPONENT=VERSION", "such as app=v2") { name, version in
            guard let component = Release.Component(name), versions[component] == nil else { return false }
            versions[component] = version
            return true
        }
        return Release(versions)
    }

    mutating func weights() throws(Stop) -> [VariantName: Int] {
        var weights: [VariantName: Int] = [:]
        try pairs("VARIANT=WEIGHT", "such as treatment=3, the weight \(Self.integer)") { name, text in
            guard let variant = VariantName(name), let weight = Int(text), weights[variant] == nil else { return false }
            weights[variant] = weight
            return true
        }
        return weights
    }

    /// Refuses words that are left over.
    func finish() throws(Stop) {
        if let word = words.first { throw unusable("unexpected \(quoted(word))") }
    }

    private static let integer = "an integer in \(spelled(PolicyLimits.weights))"
    private static let name = "1 to 64 of the characters A-Z a-z 0-9 . _ -"

    private mutating func word(_ what: String) throws(Stop) -> String {
        guard let word = words.popFirst() else { throw unusable("\(what) is missing") }
        return word
    }

    /// Reads all words that are left as `name=value`: at least one, and each name once.
    private mutating func pairs(_ what: String, _ form: String, _ take: (String, String) -> Bool) throws(Stop) {
        var word = try word(what)
        while true {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, take(parts[0], parts[1]) else {
                throw unusable(what, "\(form), and each name once", word)
            }
            guard let next = words.popFirst() else { return }
            word = next
        }
    }

    private func unusable(_ what: String, _ expected: String, _ found: String) -> Stop {
        unusable("\(what): expected \(expected), found \(quoted(found))")
    }

    private func unusable(_ message: String) -> Stop {
        .unusable("edit \(operation.name): \(message)\nusage: \(Program.name) edit FILE \(operation.usage)")
    }
}
