/// The variants of a rollout, for looking up what each of 100,000 rules names: in constant time, and worded once.
struct VariantNames {
    /// The safe one, or nil where there is none.
    let first: VariantName?
    /// All of them as messages list them.
    let words: String
    private let names: Set<VariantName>

    init(_ names: [VariantName]) {
        first = names.first
        words = alternatives(names.map(\.text))
        self.names = Set(names)
    }

    func contains(_ name: VariantName) -> Bool { names.contains(name) }
}
