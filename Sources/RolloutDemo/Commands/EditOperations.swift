import Rollout

/// One way to edit a policy, called by its name.
struct EditOperation: Sendable {
    typealias Edit = @Sendable (inout RolloutPolicy) throws(EditError) -> Void

    let name: String
    /// What follows the name, as the help shows it: `ID PERCENT`.
    let arguments: String
    let summary: String
    /// Makes the edit from the words after the name.
    let read: @Sendable (inout EditWords) throws(Stop) -> Edit

    var usage: String { "\(name) \(arguments)" }

    /// Every operation, in the order of the help.
    static let all: [EditOperation] = shares + variants + transitions + rules

    /// The edit that the words of the command line ask for.
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

/// Operations that take the same arguments and differ in what they do.
extension EditOperation {
    private static func onRollout(
        _ name: String,
        _ summary: String,
        _ edit: @escaping @Sendable (inout RolloutPolicy, RolloutID) throws(EditError) -> Void
    ) -> EditOperation {
        EditOperation(name: name, arguments: "ID", summary: summary) { words throws(Stop) in
            let id = try words.id()
            return { policy throws(EditError) in try edit(&policy, id) }
        }
    }

    private static func onVariant(
        _ name: String,
        _ summary: String,
        _ edit: @escaping @Sendable (inout RolloutPolicy, RolloutID, VariantName) throws(EditError) -> Void
    ) -> EditOperation {
        EditOperation(name: name, arguments: "ID VARIANT", summary: summary) { words throws(Stop) in
            let (id, variant) = (try words.id(), try words.variant())
            return { policy throws(EditError) in try edit(&policy, id, variant) }
        }
    }

    private static func start(
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

/// Operations that say how many units get what.
extension EditOperation {
    private static let shares: [EditOperation] = [
        EditOperation(
            name: "share",
            arguments: "ID PERCENT",
            summary: "sets the share of the canary, or of the requests that are copied to the shadow"
        ) { words throws(Stop) in
            let (id, share) = (try words.id(), try words.share())
            return { policy throws(EditError) in try policy.setShare(of: id, to: share) }
        },
        EditOperation(
            name: "rebalance",
            arguments: "ID VARIANT=WEIGHT…",
            summary: "sets weights of an A/B test, and moves as few units as possible"
        ) { words throws(Stop) in
            let (id, weights) = (try words.id(), try words.weights())
            return { policy throws(EditError) in try policy.rebalance(id, weights: weights) }
        },
        EditOperation(
            name: "coverage",
            arguments: "ID PERCENT",
            summary: "sets the share of units enrolled in an A/B test, up or down; nobody swaps variants, "
                + "and each keeps a bucket, so 0 is refused: disable variants to stop a test"
        ) { words throws(Stop) in
            let (id, share) = (try words.id(), try words.share())
            return { policy throws(EditError) in try policy.setCoverage(of: id, to: share) }
        },
    ]
}

/// Operations that add variants to a test, and take them away.
extension EditOperation {
    private static let variants: [EditOperation] = [
        EditOperation(
            name: "add",
            arguments: "ID VARIANT WEIGHT COMPONENT=VERSION…",
            summary: "adds a variant to an A/B test; nobody moves between the others"
        ) { words throws(Stop) in
            let (id, name, weight) = (try words.id(), try words.variant(), try words.weight())
            let variant = WeightedVariant(name, weight: weight, release: try words.release())
            return { policy throws(EditError) in try policy.addVariant(variant, to: id) }
        },
        .onVariant(
            "remove",
            "removes a variant from an A/B test, but never the first; nobody moves between the others"
        ) { policy, id, variant throws(EditError) in try policy.removeVariant(variant, from: id) },
    ]
}

/// Operations that say what the variants are.
extension EditOperation {
    private static let transitions: [EditOperation] = [
        .onRollout(
            "promote",
            "makes the canary the stable release for everybody"
        ) { policy, id throws(EditError) in try policy.promote(id) },
        .onRollout(
            "abort",
            "ends a canary or a shadow at once, whatever host, forced unit or cookie a request brings"
        ) { policy, id throws(EditError) in try policy.abort(id) },
        .start(
            "start-canary",
            "starts a canary with this release beside the one that runs"
        ) { policy, id, release, share throws(EditError) in
            try policy.startCanary(of: id, serving: release, to: share)
        },
        .start(
            "start-shadow",
            "starts to copy that share of the requests to a shadow with this release"
        ) { policy, id, release, share throws(EditError) in
            try policy.startShadow(of: id, serving: release, to: share)
        },
        .onRollout(
            "promote-shadow",
            "makes the shadow the release that answers everybody"
        ) { policy, id throws(EditError) in try policy.promoteShadow(id) },
        EditOperation(
            name: "release",
            arguments: "ID VARIANT COMPONENT=VERSION…",
            summary: "sets the release of a variant, as in a switch from blue to green"
        ) { words throws(Stop) in
            let (id, variant, release) = (try words.id(), try words.variant(), try words.release())
            return { policy throws(EditError) in try policy.setRelease(of: variant, in: id, to: release) }
        },
        EditOperation(
            name: "salt",
            arguments: "ID [SALT]",
            summary: "sets the salt, so that every unit is drawn anew; without SALT, to the id"
        ) { words throws(Stop) in
            let (id, salt) = (try words.id(), words.next())
            return { policy throws(EditError) in try policy.setSalt(of: id, to: salt) }
        },
        .onRollout(
            "convert",
            "lets a rollout draw by the library's own hash from now on, and no more by a stated bucketing"
        ) { policy, id throws(EditError) in try policy.convert(id) },
        EditOperation(
            name: "rollback",
            arguments: "OLD [ID]",
            summary: "restores the content of the policy in the file OLD, or of one of its rollouts; old cookies lose"
        ) { words throws(Stop) in
            let old = try words.policy("OLD")
            guard !words.isEmpty else { return { policy throws(EditError) in try policy.rollBack(to: old) } }
            let id = try words.id()
            return { policy throws(EditError) in try policy.rollBack(id, to: old) }
        },
        EditOperation(
            name: "forget",
            arguments: "ID",
            summary: "forgets the epoch of a rollout that was removed"
        ) { words throws(Stop) in
            let id = try words.id()
            return { policy throws(EditError) in try policy.forget(id) }
        },
    ]
}

/// Operations for single units and single variants.
extension EditOperation {
    private static let rules: [EditOperation] = [
        EditOperation(
            name: "force",
            arguments: "ID UNIT VARIANT",
            summary: "forces a unit to a variant"
        ) { words throws(Stop) in
            let (id, unit, variant) = (try words.id(), try words.unit(), try words.variant())
            return { policy throws(EditError) in try policy.force(unit, to: variant, in: id) }
        },
        EditOperation(
            name: "unforce",
            arguments: "ID UNIT",
            summary: "no longer forces a unit"
        ) { words throws(Stop) in
            let (id, unit) = (try words.id(), try words.unit())
            return { policy throws(EditError) in try policy.unforce(unit, in: id) }
        },
        EditOperation(
            name: "host",
            arguments: "ID HOST VARIANT",
            summary: "forces the requests of a host to a variant"
        ) { words throws(Stop) in
            let (id, host, variant) = (try words.id(), try words.host(), try words.variant())
            return { policy throws(EditError) in try policy.setHost(host, to: variant, in: id) }
        },
        EditOperation(
            name: "unhost",
            arguments: "ID HOST",
            summary: "no longer forces the requests of a host"
        ) { words throws(Stop) in
            let (id, host) = (try words.id(), try words.host())
            return { policy throws(EditError) in try policy.removeHost(host, from: id) }
        },
        .onVariant(
            "disable",
            "takes a variant out of service at once; the first variant serves in its place"
        ) { policy, id, variant throws(EditError) in try policy.disable(variant, in: id) },
        .onVariant(
            "enable",
            "puts a disabled variant back"
        ) { policy, id, variant throws(EditError) in try policy.enable(variant, in: id) },
        .onVariant(
            "drain",
            "draws nobody into a variant any more; live assignments keep it"
        ) { policy, id, variant throws(EditError) in try policy.drain(variant, in: id) },
        .onVariant(
            "undrain",
            "draws units into a draining variant again"
        ) { policy, id, variant throws(EditError) in try policy.undrain(variant, in: id) },
    ]
}
