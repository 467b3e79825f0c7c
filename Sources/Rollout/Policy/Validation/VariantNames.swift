/// The variants of a rollout by their names, for looking up what each of 100,000 rules names.
struct VariantNames {
    private let names: [VariantName]
    /// Where each name stands, or nil for so few that to compare them one by one is faster than to hash them.
    private let places: [VariantName: Int]?

    init(_ names: [VariantName]) {
        self.names = names
        places = names.count <= 4 ? nil : Dictionary(zip(names, 0...)) { first, _ in first }
    }

    /// The safe one, or nil where there is none.
    var first: VariantName? { names.first }

    /// All of them as messages list them.
    var words: String { alternatives(names.map(\.text)) }

    func contains(_ name: VariantName) -> Bool { place(of: name) != nil }

    /// Where the name stands among them, the first time; nil where it does not.
    func place(of name: VariantName) -> Int? {
        if let places { places[name] } else { names.firstIndex(of: name) }
    }
}
