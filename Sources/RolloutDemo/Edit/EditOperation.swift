import Rollout

/// One way to edit a policy, called by its name.
struct EditOperation: Sendable {
    typealias Edit = @Sendable (inout RolloutPolicy) throws(EditError) -> Void

    let name: String
    /// What follows the name, as the help shows it: `ID PERCENT`.
    let arguments: String
    let summary: String
    /// Makes the edit of the words after the name.
    let read: @Sendable (inout EditWords) throws(Stop) -> Edit

    var usage: String { "\(name) \(arguments)" }

    /// Every operation, in the order of the help.
    static let all: [EditOperation] = shares + transitions + rules

    /// The operation that the words call, as an edit.
    static func edit(_ words: [String]) throws(Stop) -> Edit {
        guard let name = words.first else { throw .unusable("edit: OPERATION is missing\n" + choice) }
        guard let operation = all.first(where: { $0.name == name }) else {
            let advice = suggestion(for: name, among: all.map(\.name))
            throw .unusable("edit: unknown operation \(quoted(name))\(advice)\n" + choice)
        }
        var rest = EditWords(words.dropFirst(), of: operation)
        let edit = try operation.read(&rest)
        try rest.finish()
        return edit
    }

    private static var choice: String { "operations: " + all.map(\.name).joined(separator: ", ") }
}

/// Operations of one form, which differ in what they do.
extension EditOperation {
    static func onRollout(
        _ name: String,
        _ summary: String,
        _ edit: @escaping @Sendable (inout RolloutPolicy, RolloutID) throws(EditError) -> Void
    ) -> EditOperation {
        EditOperation(name: name, arguments: "ID", summary: summary) { words throws(Stop) in
            let id = try words.id()
            return { policy throws(EditError) in try edit(&policy, id) }
        }
    }

    static func onVariant(
        _ name: String,
        _ summary: String,
        _ edit: @escaping @Sendable (inout RolloutPolicy, RolloutID, VariantName) throws(EditError) -> Void
    ) -> EditOperation {
        EditOperation(name: name, arguments: "ID VARIANT", summary: summary) { words throws(Stop) in
            let (id, variant) = (try words.id(), try words.variant())
            return { policy throws(EditError) in try edit(&policy, id, variant) }
        }
    }

    static func start(
        _ name: String,
        _ summary: String,
        _ edit: @escaping @Sendable (inout RolloutPolicy, RolloutID, Release, Share) throws(EditError) -> Void
    ) -> EditOperation {
        EditOperation(name: name, arguments: "ID PERCENT COMPONENT=VERSION…", summary: summary) { words throws(Stop) in
            let (id, share, release) = (try words.id(), try words.share(), try words.release())
            return { policy throws(EditError) in try edit(&policy, id, release, share) }
        }
    }
}
