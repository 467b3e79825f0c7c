import Rollout

extension JSONTree {
    /// What a document's value says, in the form that can be written.
    init(_ value: JSONValue) {
        self =
            switch value.kind {
            case .null: .null
            case .boolean: .boolean(value.boolean == true)
            case .number: .number(value.numberText ?? "")
            case .string: .string(value.string ?? "")
            case .array: .array(value.elements.map(JSONTree.init))
            case .object: .object(value.members.map { ($0.key, JSONTree($0.value)) })
            }
    }

    /// A tree of at most that depth, its keys unique by their bytes.
    static func random(depth: Int, using generator: inout SplitMix64) -> JSONTree {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &generator) {
        case 0: return .null
        case 1: return .boolean(Bool.random(using: &generator))
        case 2: return .integer(Int.random(in: .min ... .max, using: &generator))
        case 3: return .integer(Int.random(in: -100...100, using: &generator))
        case 4, 5: return .string(randomText(using: &generator))
        case 6:
            let count = Int.random(in: 0...6, using: &generator)
            return .array((0..<count).map { _ in random(depth: depth - 1, using: &generator) })
        default:
            // Sometimes more than a small object, so that look-ups go both ways.
            let count = Bool.random(using: &generator) ? Int.random(in: 0...5, using: &generator) : 20
            var keys: Set<[UInt8]> = []
            for _ in 0..<count { keys.insert(Array(randomText(using: &generator).utf8)) }
            // A set has another order in every process; the seed alone must decide.
            let sorted = keys.sorted { $0.lexicographicallyPrecedes($1) }.shuffled(using: &generator)
            return .object(
                sorted.map { (String(decoding: $0, as: UTF8.self), random(depth: depth - 1, using: &generator)) }
            )
        }
    }

    private static func randomText(using generator: inout SplitMix64) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0...8, using: &generator) {
            let ranges: [ClosedRange<UInt32>] = [
                0...0x1F, 0x20...0x7F, 0x80...0x7FF, 0x300...0x310, 0xE000...0x10_FFFF,
            ]
            let range = ranges[Int.random(in: 0..<ranges.count, using: &generator)]
            if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &generator)) {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
