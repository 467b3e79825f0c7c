import Synchronization

/// What the recorder knows of each variant, by its number: the rollout, and how many exposures were told.
///
/// Three words for each variant that the process knows, in chunks of 1,024, which are made at the first exposure of one of
/// them and stay.
@safe struct ExposedVariants: ~Copyable, @unchecked Sendable {
    private typealias Word = Atomic<UInt64>
    private typealias Chunk = UnsafeMutablePointer<Word>
    private static let chunkSize = 1024
    /// Enough for every number that a decision has room for, so that none has to be checked.
    private static let chunkCount = Int(Outcome.fieldMask + 1) / chunkSize

    /// Where the parts of a chunk begin.
    private enum Part: Int {
        /// The keys of the rollouts.
        case keys = 0
        /// The addresses of the rollouts' objects.
        case rollouts = 1024
        /// How many exposures were told.
        case told = 2048
    }

    /// The address of each chunk.
    private let chunks: UnsafeMutablePointer<Word>
    /// What stands for the chunks that are not made yet: all 0, and never written.
    private let nothing: Chunk

    init() {
        unsafe nothing = Self.makeChunk()
        unsafe chunks = .allocate(capacity: Self.chunkCount)
        for index in 0..<Self.chunkCount {
            unsafe (chunks + index).initialize(to: Atomic(Self.address(nothing)))
        }
    }

    deinit {
        for index in 0..<Self.chunkCount where hasChunk(index) { unsafe chunk(index).deallocate() }
        unsafe chunks.deallocate()
        unsafe nothing.deallocate()
    }

    private static func makeChunk() -> Chunk {
        let chunk = Chunk.allocate(capacity: 3 * chunkSize)
        for index in 0..<(3 * chunkSize) { unsafe (chunk + index).initialize(to: Atomic(0)) }
        return unsafe chunk
    }

    private static func address(_ chunk: Chunk) -> UInt64 { UInt64(UInt(bitPattern: chunk)) }

    /// A chunk, which is never nil and so is not tested: it is the address of an allocation.
    @inline(__always)
    private func chunk(_ index: Int) -> Chunk {
        unsafe Chunk(bitPattern: UInt(chunks[index].load(ordering: .acquiring))).unsafelyUnwrapped
    }

    private func hasChunk(_ index: Int) -> Bool { unsafe chunk(index) != nothing }

    /// The word of a variant in a part of its chunk.
    @inline(__always)
    private func word(_ part: Part, of variant: VariantNumber) -> Chunk {
        let index = Int(truncatingIfNeeded: UInt64(variant.rawValue) & Outcome.fieldMask)
        return unsafe chunk(index / Self.chunkSize) + (part.rawValue &+ index % Self.chunkSize)
    }

    // MARK: Rollouts

    /// The key of a variant's rollout; 0 before its first exposure.
    @inline(__always)
    func key(of variant: VariantNumber) -> UInt64 { unsafe word(.keys, of: variant).pointee.load(ordering: .relaxed) }

    /// The rollout of a variant, or nil before its first exposure. Not counted as a reference: the object lives as long as this.
    @inline(__always)
    func rollout(of variant: VariantNumber) -> Unmanaged<ExposedRollout>? {
        let address = unsafe word(.rollouts, of: variant).pointee.load(ordering: .acquiring)
        return unsafe UnsafeRawPointer(bitPattern: UInt(address)).map { unsafe Unmanaged.fromOpaque($0) }
    }

    /// Enters a variant. Under the lock of ``ExposedRollouts``, which keeps the object.
    func enter(_ variant: VariantNumber, of rollout: ExposedRollout) {
        let index = Int(variant.rawValue) / Self.chunkSize
        if !hasChunk(index) { unsafe chunks[index].store(Self.address(Self.makeChunk()), ordering: .releasing) }
        // Releasing, so that whoever finds the address finds the object.
        let address = unsafe UInt(bitPattern: Unmanaged.passUnretained(rollout).toOpaque())
        unsafe word(.rollouts, of: variant).pointee.store(UInt64(address), ordering: .releasing)
        unsafe word(.keys, of: variant).pointee.store(rollout.key, ordering: .relaxed)
    }

    // MARK: Counts

    /// Counts an exposure that is told, of a variant that was entered.
    @inline(__always)
    func countTold(_ variant: VariantNumber) {
        unsafe word(.told, of: variant).pointee.wrappingAdd(1, ordering: .relaxed)
    }

    /// What was told of a variant.
    func told(_ variant: VariantNumber) -> Int {
        Int(unsafe word(.told, of: variant).pointee.load(ordering: .relaxed))
    }

    /// What was told of a variant, which then begins at 0 again.
    func takeTold(_ variant: VariantNumber) -> Int {
        Int(unsafe word(.told, of: variant).pointee.exchange(0, ordering: .relaxed))
    }

    /// The variants with exposures that were told. O(variants that the process knows).
    var told: [VariantNumber] {
        var found: [VariantNumber] = []
        for chunk in 0..<Self.chunkCount where hasChunk(chunk) {
            for index in chunk * Self.chunkSize..<(chunk + 1) * Self.chunkSize {
                let variant = VariantNumber(rawValue: UInt32(index))
                if told(variant) > 0 { found.append(variant) }
            }
        }
        return found
    }
}
