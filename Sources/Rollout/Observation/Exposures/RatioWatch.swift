/// Counts the first exposure of each bucket in the running epoch of a rollout. 125 KB.
///
/// **Claim:** whatever is left out, and however shares change meanwhile, a bucket that is counted comes to each variant with
/// the share that its stage gives the variant. Because
/// 1. a bucket is marked by its first visit of reason `split` in the epoch, and is counted then or never. Whether it is
///    depends on the revision, not on the variant. If a bucket that was left out could be counted later, only those would be
///    that a ramp has moved: the memory of exposures keeps the others away;
/// 2. a visit that the memory keeps away has been here, in the same epoch: the memory notes it apart (``ExposureMark``);
/// 3. a watch that does not begin with the epoch does not begin at all (``ExposedRollout``);
/// 4. a revision means one allocation. If this process stops a variant, the revision has two, and its units are left out.
@safe struct RatioWatch: ~Copyable, @unchecked Sendable {
    // Unchecked, because of the pointer, which is this value's alone.

    let rollout: RolloutID
    private(set) var epoch: UInt32
    private(set) var ratio = StagedRatio()
    /// A bit for each bucket.
    private let marks: UnsafeMutablePointer<UInt64>
    private static let markCount = (Share.bucketCount + 63) / 64
    /// How many policies had been published when the watch last looked.
    private var published: UInt64 = 0

    /// A watch of an epoch that has just begun.
    init(_ rollout: RolloutID, epoch: UInt32) {
        self.rollout = rollout
        self.epoch = epoch
        unsafe marks = .allocate(capacity: Self.markCount)
        unsafe marks.initialize(repeating: 0, count: Self.markCount)
    }

    deinit { unsafe marks.deallocate() }

    /// Takes in a visit of reason `split`.
    @inline(__always)
    mutating func count(_ decision: Decision, _ router: RouterState) {
        // The count is loaded before the policy: if another one is published in between, the next visit looks again.
        let published = router.cell.published
        if published != self.published { look(at: router, published) }
        guard decision.epoch == epoch, let bucket = decision.bucket, bucket < Share.bucketCount else {
            return ratio.leaveOut()
        }
        // In bounds, by the guard.
        let bit: UInt64 = 1 << UInt64(bucket & 63)
        let word = unsafe marks + (bucket >> 6)
        if unsafe word.pointee & bit != 0 { return }
        unsafe word.pointee |= bit
        ratio.count(decision.variant.number, decision.revision)
    }

    @inline(never)
    private mutating func look(at router: RouterState, _ published: UInt64) {
        self.published = published
        let compiled = router.compiled
        guard let definition = compiled.served(rollout), let ordinal = compiled.ordinal(of: rollout) else { return }
        if definition.epoch != epoch {
            epoch = definition.epoch
            ratio = StagedRatio()
            unsafe marks.update(repeating: 0, count: Self.markCount)
        }
        ratio.note(definition, compiled.roster[ordinal].variants, compiled.policy.revision)
    }
}
