/// A half-open range of the 1,000,000 buckets that a variant owns, or nobody.
public struct AllocatedRange: Hashable, Sendable {
    /// The owner, or nil for a gap: units that fall into it are not enrolled.
    public var variant: VariantName?
    /// The buckets, within 0 ..< 1,000,000 and not empty.
    public var buckets: Range<Int>

    /// A range; a policy is refused if its ranges do not tile the coverage, or with a gap among them all 1,000,000 buckets.
    public init(_ variant: VariantName?, _ buckets: Range<Int>) {
        self.variant = variant
        self.buckets = buckets
    }
}

/// Who owns each of a rollout's 1,000,000 buckets, who serves it, and which variants a request can come to.
///
/// Everything that needs one of these answers takes it from here: the compiler, the edits, movements, the status, what is
/// loaded for a policy. Variants are named by their places in declared order; the first one, at 0, is the safe one.
///
/// Made of a valid definition. A function that takes a policy from outside must validate it first.
struct Allocation: Sendable {
    /// A run of buckets with one owner.
    struct Run: Hashable, Sendable {
        /// The variant that owns the buckets, or nil if they lie outside the coverage: in a gap, or behind all ranges.
        let owner: Int?
        /// The variant that a unit is drawn into here, or nil if it is not enrolled: nobody owns the bucket, or the owner is
        /// disabled or draining.
        let drawn: Int?
        let buckets: Range<Int>

        /// The variant that serves here: whoever is not enrolled gets the first one.
        var server: Int { drawn ?? 0 }
    }

    /// The runs in ascending order; they cover all 1,000,000 buckets. Neighbours may have one owner. If only some buckets
    /// occur, runs begin and end at those, so that their lengths are the shares that really occur.
    private(set) var runs: [Run] = []
    /// The share of the requests that are copied to the shadow.
    let copied: Share

    private let names: VariantNames
    private let disabled: Set<VariantName>
    private let draining: Set<VariantName>
    private let hasShadow: Bool
    private let grid: BucketGrid
    /// The share of all units that are drawn at all.
    let enrolledShare: Double
    /// How many buckets are drawn into each variant, of units that are enrolled.
    private(set) var drawnBuckets: [Int]

    /// The allocation of a rollout.
    init(_ definition: RolloutDefinition) {
        self.init(
            definition.strategy,
            on: definition.grid,
            enrolling: definition.enrolledShare,
            disabled: definition.disabled,
            draining: definition.draining
        )
    }

    /// The allocation of a strategy, with these variants out of service.
    init(
        _ strategy: RolloutStrategy,
        on grid: BucketGrid = .own,
        enrolling enrolledShare: Double = 1,
        disabled: Set<VariantName> = [],
        draining: Set<VariantName> = []
    ) {
        self.grid = grid
        self.enrolledShare = enrolledShare
        self.disabled = disabled
        self.draining = draining
        names = VariantNames(strategy)
        drawnBuckets = Array(repeating: 0, count: names.variants.count)
        if case .shadow(let share, _, _) = strategy {
            copied = disabled.contains(.shadow) || draining.contains(.shadow) ? .zero : share
            hasShadow = true
        } else {
            copied = .zero
            hasShadow = false
        }
        switch strategy {
        case .fixed, .shadow:
            append(0, 0..<Share.bucketCount)
        case .canary(let share, _, _):
            // The canary owns `[0, p)`, so raising p only adds units.
            append(1, 0..<share.buckets)
            append(0, share.buckets..<Share.bucketCount)
        case .abTest(let test):
            for range in test.allocation ?? test.declaredLayout(on: grid) {
                append(range.variant.flatMap { names.place(of: $0) }, range.buckets)
            }
            append(nil, (runs.last?.buckets.upperBound ?? 0)..<Share.bucketCount)
        }
    }

    private mutating func append(_ owner: Int?, _ range: Range<Int>) {
        let buckets = grid.rounded(range.lowerBound)..<grid.rounded(range.upperBound)
        if buckets.isEmpty { return }
        let drawn = owner.flatMap { isOutOfService($0) ? nil : $0 }
        if let drawn { drawnBuckets[drawn] += buckets.count }
        runs.append(Run(owner: owner, drawn: drawn, buckets: buckets))
    }

    private func isDisabled(_ place: Int) -> Bool { disabled.contains(variants[place].name) }

    private func isOutOfService(_ place: Int) -> Bool {
        isDisabled(place) || draining.contains(variants[place].name)
    }

    /// The variants in declared order.
    var variants: [(name: VariantName, release: Release)] { names.variants }

    // MARK: Shares

    /// How many of the 1,000,000 parts of all units each variant serves by draw, in declared order; a shadow serves none.
    var served: [Int] {
        var served = drawnBuckets.map(enrolled)
        served[0] += Share.bucketCount - served.reduce(0, +)
        return served
    }

    /// How much of all units some of those are that are enrolled.
    func enrolled(_ buckets: Int) -> Int {
        enrolledShare == 1 ? buckets : Int((Double(buckets) * enrolledShare).rounded())
    }

    /// The share of all units that each variant serves by draw, in declared order; of a shadow, the share that is copied.
    var shares: [Share] {
        var counts = served
        if hasShadow { counts[1] = copied.buckets }
        return counts.map { Share(buckets: $0) ?? .zero }
    }

    /// The buckets that are drawn into a variant; of a shadow, those whose requests are copied.
    func buckets(drawnInto name: VariantName) -> [Range<Int>] {
        guard let place = names.place(of: name) else { return [] }
        if hasShadow, place > 0 { return copied > .zero ? [0..<copied.buckets] : [] }
        return runs.filter { $0.drawn == place }.map(\.buckets)
    }

    // MARK: Ways to a variant

    /// The variant that hosts and forced units get which name this one, or nil if it is disabled: then they get the first
    /// variant, like those who are not enrolled. O(1).
    func served(byRuleFor name: VariantName) -> Int? {
        names.place(ofRuleFor: name).flatMap { isDisabled($0) ? nil : $0 }
    }

    /// Whether a live assignment keeps the variant: if units are drawn into it, or it is draining.
    func isKeptByAssignment(_ place: Int) -> Bool {
        isAdopted(place) && (drawnBuckets[place] > 0 || draining.contains(variants[place].name))
    }

    /// Whether another service's decision for the variant is followed, whatever the variant's share is here: a host or a
    /// forced unit may have led there. A shadow answers nobody.
    func isAdopted(_ place: Int) -> Bool { !(hasShadow && place > 0) && !isDisabled(place) }

    /// The variants that some request can get, or have its copy sent to; the first one first.
    ///
    /// **Claim:** no decision by this allocation names another variant. Because 1. a draw, a rule and an assignment lead only to
    /// variants that are not disabled; 2. these are exactly the ones that adoption leads to, except the shadow; 3. a shadow
    /// gets nothing but copies. If it broke, a service would meet a release for which it has loaded no value.
    var reachable: [Int] {
        variants.indices.filter { isAdopted($0) || hasShadow && $0 > 0 && copied > .zero }
    }
}

extension [AllocatedRange] {
    /// How many cells of a grid belong to somebody.
    func owned(on grid: BucketGrid) -> Int { reduce(0) { $0 + ($1.variant == nil ? 0 : grid.cells(in: $1.buckets)) } }

    /// Whether some range belongs to nobody. Then the ranges say what is covered, up to the last bucket.
    var haveGaps: Bool { contains { $0.variant == nil } }

    /// How many buckets belong to somebody.
    var owned: Int { reduce(0) { $0 + ($1.variant == nil ? 0 : $1.buckets.count) } }
}

extension RolloutStrategy.ABTest {
    /// How many cells of a grid are enrolled.
    func covered(on grid: BucketGrid) -> Int {
        if let allocation, allocation.haveGaps { return allocation.owned(on: grid) }
        return grid.cells(below: coverage.buckets)
    }

    /// The enrolled cells of a grid, divided by the weights.
    func apportionment(on grid: BucketGrid) -> Apportionment {
        Apportionment(covered(on: grid), by: variants.map(\.weight))
    }

    /// The weights laid out over the coverage in declared order, which is what holds if no allocation is written.
    func declaredLayout(on grid: BucketGrid) -> [AllocatedRange] {
        var start = 0
        return zip(variants, apportionment(on: grid).counts).compactMap { variant, count in
            defer { start += count }
            return count > 0
                ? AllocatedRange(variant.name, grid.bucket(of: start)..<grid.bucket(of: start + count)) : nil
        }
    }
}

/// The variants of a rollout by their names, to look up what each of 100,000 rules names.
struct VariantNames: Sendable {
    let variants: [(name: VariantName, release: Release)]
    /// Whether rules may name `canary` although there is none. The first variant answers them until the next canary comes.
    let awaitsCanary: Bool
    /// The place of each name; nil for so few that comparing them one by one is faster than hashing.
    private let places: [VariantName: Int]?

    init(_ strategy: RolloutStrategy) {
        variants = strategy.variants
        awaitsCanary = !strategy.draws
        places = variants.count <= 4 ? nil : Dictionary(zip(variants.map(\.name), 0...)) { first, _ in first }
    }

    /// The safe one, or nil if there is no variant at all.
    var first: VariantName? { variants.first?.name }

    /// All of them as messages list them.
    var words: String { alternatives(variants.map(\.name.text)) }

    func contains(_ name: VariantName) -> Bool { place(of: name) != nil }

    /// The place of the first variant of that name, or nil if there is none.
    func place(of name: VariantName) -> Int? {
        if let places { places[name] } else { variants.firstIndex { $0.name == name } }
    }

    // MARK: Hosts and forced units

    /// The place of the variant that answers hosts and units which name this one, or nil if they may not name it.
    ///
    /// A shadow answers nobody.
    func place(ofRuleFor name: VariantName) -> Int? {
        guard awaitsCanary else { return place(of: name) }
        return name == first || name == .canary ? 0 : nil
    }

    /// What hosts and forced units may name, as messages list it.
    var ruleWords: String {
        awaitsCanary ? alternatives(([first].compactMap(\.self) + [.canary]).map(\.text)) : words
    }

    /// What is to be expected in the place of some name: `the variant "a"`, `one of the variants "a" or "b"`.
    static func expectation(_ words: String, isOnlyOne: Bool) -> String {
        (isOnlyOne ? "the variant " : "one of the variants ") + words
    }
}
