import Rollout

/// Operations that say how many units get what.
extension EditOperation {
    static let shares: [EditOperation] = [
        EditOperation(
            name: "share",
            arguments: "ID PERCENT",
            summary: "the share of the canary, or of the requests copied to the shadow"
        ) { words throws(Stop) in
            let (id, share) = (try words.id(), try words.share())
            return { policy throws(EditError) in try policy.setShare(of: id, to: share) }
        },
        EditOperation(
            name: "rebalance",
            arguments: "ID VARIANT=WEIGHT…",
            summary: "other weights of an A/B test, moving as few units as any allocation can"
        ) { words throws(Stop) in
            let (id, weights) = (try words.id(), try words.weights())
            return { policy throws(EditError) in try policy.rebalance(id, weights: weights) }
        },
        EditOperation(
            name: "coverage",
            arguments: "ID PERCENT",
            summary: "the share of units enrolled in an A/B test; nobody swaps variants"
        ) { words throws(Stop) in
            let (id, share) = (try words.id(), try words.share())
            return { policy throws(EditError) in try policy.setCoverage(of: id, to: share) }
        },
    ]
}
