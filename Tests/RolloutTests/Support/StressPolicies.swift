@testable import Rollout

/// A request of the stress test, to one of its rollouts.
struct StressQuestion: Sendable {
    enum Kind: Sendable {
        case unit(String)
        case integer(UInt64)
        case hashed(HashedUnit)
        case request(unit: String?, host: String?, holding: Assignment?)
    }

    let rollout: RolloutID
    let kind: Kind

    init(_ rollout: RolloutID, _ kind: Kind) {
        self.rollout = rollout
        self.kind = kind
    }

    /// What a publication answers, in the attempts that a handle makes.
    func ask(_ publication: some Publication, ordinal: Int, retries: inout Int) -> Decision {
        switch kind {
        case .unit(let text):
            glance(publication, ordinal, XXH3.hash(text)) ?? deliberate(publication, ordinal, text, &retries)
        case .integer(let number):
            glance(publication, ordinal, XXH3.hash(decimal: number))
                ?? read(publication, &retries) {
                    let record = RolloutRecord($0, ordinal: ordinal)
                    return unsafe DecimalText(number).withBytes { unsafe record.decision(for: BorrowedUnit($0)) }
                }
        case .hashed(let unit):
            glance(publication, ordinal, unit.key) ?? deliberate(publication, ordinal, unit.text, &retries)
        case .request(let unit, let host, let assignment):
            RequestBytes.with(unit: unit, host: host) { request in
                read(publication, &retries) {
                    RolloutRecord($0, ordinal: ordinal).decision(for: request, holding: assignment)
                }
            }
        }
    }

    private func glance(_ publication: some Publication, _ ordinal: Int, _ key: UInt64) -> Decision? {
        publication.glance { RolloutRecord($0, ordinal: ordinal).decision(forKey: key) }
    }

    private func deliberate(
        _ publication: some Publication,
        _ ordinal: Int,
        _ text: String,
        _ retries: inout Int
    ) -> Decision {
        unsafe text.withUnitBytes { bytes in
            let unit = unsafe BorrowedUnit(bytes)
            return read(publication, &retries) { RolloutRecord($0, ordinal: ordinal).decision(for: unit) }
        }
    }

    private func read(
        _ publication: some Publication,
        _ retries: inout Int,
        _ body: (PolicyImage) -> Decision
    ) -> Decision {
        var runs = 0
        defer { retries += runs - 1 }
        return publication.read {
            runs += 1
            return body($0)
        }
    }

    /// What a handle answers.
    func ask(_ handle: RolloutHandle) -> Decision {
        switch kind {
        case .unit(let text): handle.decision(for: text)
        case .integer(let number): handle.decision(for: number)
        case .hashed(let unit): handle.decision(for: unit)
        case .request(let unit, let host, let assignment): handle.decision(for: unit, host: host, holding: assignment)
        }
    }
}

/// The policies of the stress test: as many shapes as a prime, so that policies that share a slot never share a shape.
///
/// Shapes differ in salts, bounds, outcomes, epochs, tables and size, and no two serve the same release. So whatever a
/// mixture of two policies answers, it is hardly ever what the policy of its revision would answer.
enum StressPolicies {
    static let count = 61

    static let questions: [StressQuestion] = [
        StressQuestion("narrow", .unit("alice")),
        StressQuestion("narrow", .integer(42)),
        StressQuestion("narrow", .unit("qa")),
        StressQuestion("narrow", .request(unit: "bob", host: "canary.example:8080", holding: nil)),
        StressQuestion("narrow", .request(unit: nil, host: nil, holding: nil)),
        StressQuestion("wide", .unit("6f1c2f4e-19f5-4b3c-8d6e-2b7f0b0f1d2a")),
        StressQuestion("wide", .hashed(HashedUnit("carol"))),
        StressQuestion("wide", .request(unit: "dave", host: "other.example", holding: assignment(to: "v3"))),
        StressQuestion("wide", .request(unit: nil, host: nil, holding: assignment(to: nil))),
        StressQuestion("shadow", .unit("erin")),
        StressQuestion("shadow", .unit("qa")),
        StressQuestion("shadow", .request(unit: "frank", host: "canary.example", holding: nil)),
        StressQuestion("sometimes", .unit("grace")),
        StressQuestion("sometimes", .integer(7)),
        StressQuestion("sometimes", .hashed(HashedUnit("heidi"))),
    ]

    static func policy(_ revision: UInt32) -> RolloutPolicy {
        let shape = Int(revision) % count
        let part = Share(buckets: 200_000 + shape * 10_000) ?? .zero
        func release(_ name: String) -> Release { [.app: "\(shape).\(name)"] }
        // Shapes grow in steps, so that a ring that starts with the first of them is outgrown several times.
        let fillers = (0..<(shape / 8 * shape)).map { (UnitID("filler-\(shape)-\($0)"), VariantName.canary) }
        let forced = Dictionary(uniqueKeysWithValues: fillers + [("qa", .canary)])
        var rollouts: [RolloutID: RolloutDefinition] = [
            "narrow": RolloutDefinition(
                .canary(part, stable: release("stable"), canary: release("canary")),
                salt: "narrow \(shape)",
                epoch: revision,
                hosts: ["canary.example": shape % 2 == 0 ? .canary : .stable],
                forced: forced
            ),
            "wide": RolloutDefinition(
                .abTest(
                    (0..<(5 + shape % 16)).compactMap { index in
                        VariantName("v\(index)").map {
                            WeightedVariant($0, weight: 1 + (index + shape) % 7, release: release("v\(index)"))
                        }
                    },
                    coverage: part
                ),
                salt: "wide \(shape)",
                epoch: revision,
                sticky: StickyCookie(name: "wide", maxAge: 3_600),
                missingUnit: .assign
            ),
            "shadow": RolloutDefinition(
                .shadow(part, primary: release("primary"), shadow: release("shadow")),
                salt: "shadow \(shape)",
                epoch: revision,
                hosts: ["canary.example": .primary],
                forced: ["qa": .primary]
            ),
        ]
        if shape % 4 != 3 {
            // Plain: neither wide nor with a unit forced.
            rollouts["sometimes"] = RolloutDefinition(
                .canary(part, stable: release("first"), canary: release("second")),
                salt: "sometimes \(shape)",
                epoch: revision
            )
        }
        return RolloutPolicy(revision: revision, rollouts: rollouts)
    }

    private static func assignment(to variant: VariantName?) -> Assignment? {
        Assignment(variant: variant, of: "wide", bucket: 123_456, epoch: 30, revision: 1)
    }
}
