extension PolicyValidator {
    /// Checks the draws before a rollout's own.
    mutating func checkEnrolment(of rollout: RolloutDefinition, at path: JSONPath) {
        let place = path.appending("enrolment")
        guard check(rollout.enrolment.count, "draws", limit: PolicyLimits.enrolmentDraws, at: place) else { return }
        for (index, draw) in rollout.enrolment.enumerated() {
            let place = place.appending(index)
            switch draw.function {
            case .salt(let salt): check(text: salt.text, at: place.appending("salt"))
            case .layer: break
            case .bucketing(let bucketing): check(bucketing, at: place.appending("bucketing"))
            }
            checkRanges(of: draw, at: place.appending("ranges"))
        }
        if rollout.missingUnit == .assign, !rollout.enrolment.isEmpty {
            report(
                .needsUnit,
                at: path.appending("missingUnit"),
                "\"assign\" gives a visitor a bucket of the rollout alone, and \"enrolment\" draws by a unit: "
                    + "leave out one of them"
            )
        }
    }

    private mutating func checkRanges(of draw: EnrolmentDraw, at path: JSONPath) {
        guard check(draw.ranges.count, "ranges", limit: PolicyLimits.enrolmentRanges, at: path) else { return }
        var end = 0
        for (index, range) in draw.ranges.enumerated() {
            guard range.lowerBound >= end, range.upperBound <= Share.bucketCount else {
                return report(
                    .badEnrolment,
                    at: path.appending(index),
                    "expected a range that starts at \(end) or later and ends at \(Share.bucketCount) at the latest, "
                        + "found [\(range.lowerBound), \(range.upperBound))"
                )
            }
            end = range.upperBound
        }
    }

    /// Checks that no two rollouts have a bucket of one layer in common. A rollout that draws nothing at present keeps its
    /// ranges. O(ranges * log(ranges)).
    mutating func checkLayers(of policy: RolloutPolicy, _ unread: [RolloutID: UnreadParts]) {
        var layers: [LayerName: [ReservedRange]] = [:]
        for (id, rollout) in policy.rollouts where !rollout.enrolment.isEmpty {
            if unread[id]?.contains(.enrolment) == true { continue }
            for (index, draw) in rollout.enrolment.enumerated() {
                guard let layer = draw.layer else { continue }
                layers[layer, default: []] += draw.ranges.filter { !$0.isEmpty }.map {
                    ReservedRange(rollout: id, draw: index, buckets: $0)
                }
            }
        }
        for (layer, ranges) in layers.sorted(by: { $0.key < $1.key }) { checkLayer(layer, ranges) }
    }

    /// A range of a layer, and whose it is.
    private struct ReservedRange {
        let rollout: RolloutID
        let draw: Int
        let buckets: Range<Int>
    }

    private mutating func checkLayer(_ layer: LayerName, _ ranges: [ReservedRange]) {
        let sorted = ranges.sorted { ($0.buckets.lowerBound, $0.rollout) < ($1.buckets.lowerBound, $1.rollout) }
        // The ranges that reach furthest so far: the furthest, and the furthest of another rollout than that one's.
        var (furthest, second): (ReservedRange?, ReservedRange?)
        var told: Set<Set<RolloutID>> = []
        for range in sorted {
            let other = furthest?.rollout == range.rollout ? second : furthest
            if let other, other.buckets.overlaps(range.buckets), told.insert([other.rollout, range.rollout]).inserted {
                let (first, last) = other.rollout < range.rollout ? (other, range) : (range, other)
                let common = other.buckets.clamped(to: range.buckets)
                let path: JSONPath = "rollouts"
                report(
                    .overlappingLayers,
                    at: path.appending(last.rollout.text).appending("enrolment").appending(last.draw),
                    "expected buckets of layer \"\(layer)\" apart from those of rollout \"\(first.rollout)\", found "
                        + "[\(common.lowerBound), \(common.upperBound)) in both: a unit could be in both rollouts"
                )
            }
            if range.rollout == furthest?.rollout {
                if range.buckets.upperBound > furthest?.buckets.upperBound ?? 0 { furthest = range }
            } else if range.buckets.upperBound > furthest?.buckets.upperBound ?? 0 {
                (furthest, second) = (range, furthest)
            } else if range.buckets.upperBound > second?.buckets.upperBound ?? 0 {
                second = range
            }
        }
    }
}
