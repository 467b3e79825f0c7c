/// The rollouts that have had exposures, those that are watched, and the rows of their variants.
///
/// **Claim:** an exposure is counted in one row, and stays counted: no row's count is lower than in the reading before, unless
/// the row has moved to its rollout's remainder, which is then higher. Because
/// 1. a variant's count only rises, but when its row is folded. Then it is exchanged with 0 in one step, and what was in it is
///    added to the remainder before the next reading, as readings take a lock;
/// 2. whoever counts meanwhile counts before the exchange, or begins a new row.
final class ExposedRollouts: Sendable {
    /// How many variants that the router no longer has keep a row of their own.
    static let retiredLimit = 64
    /// How many rollouts are watched for their sample ratio.
    static let watchLimit = 64

    private struct State {
        var rollouts: [RolloutID: ExposedRollout] = [:]
        var watched: [ExposedRollout] = []
        /// The variants that the router no longer has and that have a row, the one that was missed first in front.
        var retired: [VariantNumber] = []
        /// What was told of a rollout's variants that have no row any more.
        var remainders: [RolloutID: Int] = [:]
        /// The part of it that a page by one component shows elsewhere.
        var shared = SharedVersions<Int>()
    }

    private let state = Lock(State())

    /// The rollout of a variant, which is entered at its first exposure.
    func enrol(_ variant: VariantNumber, in variants: borrowing ExposedVariants) -> ExposedRollout {
        let id = VariantRegistry.shared.rollout(variant)
        return state.withLock { state in
            let rollout = state.rollouts[id] ?? ExposedRollout(id)
            state.rollouts[id] = rollout
            variants.enter(variant, of: rollout)
            return rollout
        }
    }

    // MARK: Rows

    /// The rows by rollout and number, each rollout's remainder last; and what a page by one component shows elsewhere than in
    /// the remainder.
    func rows(
        _ variants: borrowing ExposedVariants,
        _ running: CompiledPolicy
    ) -> ([ExposureCounts.Row], shared: SharedVersions<Int>) {
        let live = running.servableVariants
        return state.withLock { state in
            let told = variants.told
            let known = Set(state.retired)
            state.retired.removeAll(where: live.contains)
            state.retired += told.filter { !live.contains($0) && !known.contains($0) }
            let folded = state.retired.dropLast(Self.retiredLimit)
            state.retired.removeFirst(folded.count)
            let rest = Dictionary(grouping: state.retired + told.filter(live.contains)) {
                VariantRegistry.shared.rollout($0)
            }
            for variant in folded {
                let (count, rollout) = (variants.takeTold(variant), VariantRegistry.shared.rollout(variant))
                state.remainders[rollout, default: 0] += count
                state.shared.fold(variant, besides: rest[rollout] ?? [], into: 0) { $0 += count }
            }
            var rows = state.remainders.map { ExposureCounts.Row(rollout: $0.key, variant: nil, told: $0.value) }
            for number in Set(told).union(Self.idle(told, running)) {
                let (count, variant) = (variants.told(number), Decision.Variant(number: number))
                // What was folded a moment ago is in the remainder.
                if count > 0 || live.contains(number) {
                    rows.append(ExposureCounts.Row(rollout: variant.rollout, variant: variant, told: count))
                }
            }
            rows.sort { left, right in
                if left.rollout != right.rollout { return left.rollout < right.rollout }
                guard let one = left.variant, let other = right.variant else { return right.variant == nil }
                return one.number.rawValue < other.number.rawValue
            }
            return (rows, state.shared)
        }
    }

    /// The variants of the running policy that have a row though nothing was told of them.
    private static func idle(_ told: [VariantNumber], _ running: CompiledPolicy) -> [VariantNumber] {
        let all = running.policy.rollouts.keys.compactMap { id in
            running.ordinal(of: id).map { running.roster[$0].variants.map(\.number) }
        }
        let told = Set(told)
        return all.shown(variants: \.count, isCounted: { !told.isDisjoint(with: $0) }).flatMap(\.self)
    }

    // MARK: Sample ratios

    /// Watches a rollout from now on, if there is room. One that the policy lacks gives way.
    func watch(_ rollout: ExposedRollout, for decision: Decision, _ running: RolloutPolicy) {
        state.withLock { state in
            guard let epoch = running.rollouts[rollout.id]?.epoch else { return rollout.endWatch(decision.epoch) }
            let isListed = state.watched.contains { $0 === rollout }
            if !isListed, state.watched.count == Self.watchLimit {
                guard let absent = state.watched.firstIndex(where: { running.rollouts[$0.id] == nil }) else {
                    return rollout.endWatch(epoch)
                }
                state.watched.remove(at: absent).endWatch(0)
            }
            guard rollout.watch(epoch) else { return rollout.endWatch(decision.epoch) }
            if !isListed { state.watched.append(rollout) }
        }
    }

    /// The ratio of each rollout that is watched.
    var ratios: [RolloutID: ObservedRatio] {
        let watched = state.withLock { $0.watched }
        return Dictionary(
            uniqueKeysWithValues: watched.compactMap { rollout in rollout.observed.map { (rollout.id, $0) } }
        )
    }
}
