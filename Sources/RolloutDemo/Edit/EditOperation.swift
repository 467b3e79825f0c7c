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
            let known = all.map(\.name)
            let advice = nearest(to: name, among: known).map { "; did you mean \(quoted($0))?" } ?? ""
            throw .unusable("edit: unknown operation \(quoted(name))\(advice)\n" + choice)
        }
        var rest = EditWords(words.dropFirst(), of: operation)
        let edit = try operation.read(&rest)
        try rest.finish()
        return edit
    }

    private static var choice: String { "operations: " + all.map(\.name).joined(separator: ", ") }
}
