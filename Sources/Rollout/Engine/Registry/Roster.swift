/// The rollouts that a router knows, and the seats that its handles hold.
///
/// A *seat* is a place in every image of the router: its number, the ordinal, says where its record is. A rollout that a
/// policy has had owns one seat for handles without a default, and one for each default release that was asked for. While
/// the policy has the rollout, all its seats hold the same record; while the policy lacks it, each seat has its own answer.
///
/// Ordinals are never reused: a rollout that comes back finds its seats, and so do its handles.
struct Roster: Sendable {
    /// How many removed rollouts a router remembers before it refuses new ones.
    static let removedLimit = 10_000

    private struct Seat: Sendable {
        let id: RolloutID
        /// The release that handles of this seat brought along, or nil for the seat of handles without one.
        let defaultRelease: Release?
        /// What the rollout last had, or the default as its only variant. The first variant serves while the policy lacks
        /// the rollout.
        var registered: RegisteredRollout
    }

    private var seats: [Seat] = []
    /// The seats of handles without a default.
    private var ordinals: [RolloutID: Int] = [:]
    /// The seats of handles with a default.
    private var defaultOrdinals: [RolloutID: [Int]] = [:]
    /// How many records an image has room for. Seats with a default are added one by one, and an image with room for the
    /// next one need not be compiled again.
    private(set) var capacity = 0

    /// How many seats there are.
    var count: Int { seats.count }

    /// The seat of handles without a default, or nil if no policy ever had the rollout.
    subscript(id: RolloutID) -> Int? { ordinals[id] }

    /// What the rollout of a seat last had; for a seat with a default, that default.
    subscript(ordinal: Int) -> RegisteredRollout { seats[ordinal].registered }

    /// The seats of handles with a default.
    func defaultSeats(of id: RolloutID) -> [Int] { defaultOrdinals[id] ?? [] }

    /// The seat of handles with this default, or nil if nobody has asked for it yet.
    func seat(of id: RolloutID, default release: Release) -> Int? {
        defaultSeats(of: id).first { seats[$0].defaultRelease == release }
    }

    /// The default releases that were asked for.
    var defaults: [RolloutID: Set<Release>] {
        defaultOrdinals.mapValues { ordinals in Set(ordinals.compactMap { seats[$0].defaultRelease }) }
    }

    /// Adds a seat for handles with a default. The registry has room for defaults of its own; a program that uses that up
    /// makes up releases without end, which is a mistake in its code, and traps.
    mutating func addSeat(of id: RolloutID, default release: Release, in variants: VariantRegistry) -> Int {
        let record = VariantRecord(rollout: id, name: .default, release: release)
        guard let registered = variants.intern([record], usingReserve: true) else {
            preconditionFailure(
                "no room for (\(release)) as default of \(id): \(PolicyProblem.tooManyVariants.message)"
            )
        }
        let ordinal = seats.count
        let rollout = RegisteredRollout(variants: registered, cookie: .absent)
        seats.append(Seat(id: id, defaultRelease: release, registered: rollout))
        defaultOrdinals[id, default: []].append(ordinal)
        if count > capacity { capacity = count + count / 4 }
        return ordinal
    }

    /// Registers what a policy has new, and gives its new rollouts their seats.
    ///
    /// A rollout whose variants and cookie are what they last were is recognised without a search: most updates change
    /// shares, and to hash all names again would take longer than to compile them.
    ///
    /// - Parameters:
    ///   - ids: The policy's rollouts in the order in which new ones get their seats.
    ///   - policy: The policy.
    ///   - variants: Where variants are registered.
    ///   - cookies: Where cookies are registered.
    /// - Throws: `PolicyError` if a registry has no room for what is new, or if too many removed rollouts would have to be
    ///   remembered; then nothing was registered.
    mutating func enrol(
        _ ids: [RolloutID],
        of policy: RolloutPolicy,
        in variants: VariantRegistry,
        _ cookies: CookieRegistry
    ) throws(PolicyError) {
        var changed: [RolloutID] = []
        var records: [[VariantRecord]] = []
        var rules: [CookieRecord.Rules?] = []
        var newcomers: [RolloutID] = []
        for id in ids {
            guard let definition = policy.rollouts[id] else { continue }
            let cookie = definition.cookieRules(of: id)
            let named = definition.strategy.variants
            if let ordinal = ordinals[id] {
                if seats[ordinal].registered.has(named, cookie, as: variants) { continue }
            } else {
                newcomers.append(id)
            }
            changed.append(id)
            records.append(named.map { VariantRecord(rollout: id, name: $0.name, release: $0.release) })
            rules.append(cookie)
        }
        guard !changed.isEmpty else { return }
        if let first = newcomers.first {
            let removed = ordinals.count + newcomers.count - ids.count
            guard removed <= Self.removedLimit else {
                throw PolicyError(PolicyProblem.tooManyRemoved(removed, newcomer: first))
            }
        }

        let registered = try cookies.intern(rules) { () throws(PolicyError) in
            guard let registered = variants.intern(records.flatMap(\.self)) else {
                throw PolicyError(PolicyProblem.tooManyVariants)
            }
            return registered
        }
        var rest = registered.rest[...]
        for (index, id) in changed.enumerated() {
            let count = records[index].count
            set(RegisteredRollout(variants: Array(rest.prefix(count)), cookie: registered.cookies[index]), for: id)
            rest = rest.dropFirst(count)
        }
        capacity = max(capacity, count)
    }

    private mutating func set(_ rollout: RegisteredRollout, for id: RolloutID) {
        if let ordinal = ordinals[id] {
            seats[ordinal].registered = rollout
        } else {
            ordinals[id] = seats.count
            seats.append(Seat(id: id, defaultRelease: nil, registered: rollout))
        }
    }
}

/// A rollout's variants and cookie, as registered.
struct RegisteredRollout: Sendable {
    /// In declared order, and at least one.
    let variants: [RegisteredVariant]
    /// The cookie, or none.
    let cookie: CookieReference

    /// Whether these are its variants and its cookie.
    func has(
        _ named: [(name: VariantName, release: Release)],
        _ rules: CookieRecord.Rules?,
        as registry: VariantRegistry
    ) -> Bool {
        guard named.count == variants.count, unsafe cookie.record?.pointee.rules == rules else { return false }
        return zip(variants, named).allSatisfy { known, variant in
            known.name == variant.name && registry.release(known.number) == variant.release
        }
    }
}

extension RolloutDefinition {
    /// The cookie that sessions keep, or nil for none. A strategy that draws nothing has nothing to remember.
    fileprivate func cookieRules(of id: RolloutID) -> CookieRecord.Rules? {
        guard let sticky, strategy.draws else { return nil }
        return CookieRecord.Rules(rollout: id, cookie: sticky, assignsMissing: missingUnit == .assign)
    }
}

extension PolicyProblem {
    /// A policy that brings a new rollout is refused with this if the router would have to remember too many removed ones.
    fileprivate static func tooManyRemoved(_ removed: Int, newcomer: RolloutID) -> PolicyProblem {
        PolicyProblem(
            .tooManyRemoved,
            at: JSONPath().appending("rollouts").appending(newcomer.text),
            "the router never had \"\(newcomer)\", and with it would remember \(grouped(removed)) rollouts that were removed; "
                + "the most are \(grouped(Roster.removedLimit)): use ids again that were removed, "
                + "bring removed rollouts back, or restart the process"
        )
    }
}
