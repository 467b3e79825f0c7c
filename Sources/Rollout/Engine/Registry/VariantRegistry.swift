import Synchronization

/// The place of a variant in the registry, in 20 bits: a decision has room for two.
struct VariantNumber: Hashable, Sendable, RawRepresentable {
    let rawValue: UInt32
}

/// What a decision's number stands for.
struct VariantRecord: Hashable, Sendable {
    let rollout: RolloutID
    let name: VariantName
    let release: Release
}

/// What the compiler needs to know of a variant.
struct RegisteredVariant: Hashable, Sendable {
    let number: VariantNumber
    let name: VariantName
    let tag: VariantTag
}

/// Every variant that a policy of this process ever named, by number, for as long as the process lives.
///
/// The registry is why a decision can be two words and outlive its policy. Memory grows with the number of *distinct*
/// (rollout, variant, release) triples, not with updates, and stops at 1,000,000. What is left of 20 bits is reserved for
/// the defaults of handles: a program names those, and a policy must not be able to use up their room.
///
/// Unchecked because of the pointer, which never changes. What it points to is atomic.
@safe final class VariantRegistry: @unchecked Sendable {
    static let shared = VariantRegistry(capacity: 1_000_000, reserve: Int(Outcome.absent) - 1_000_000)

    private struct Entry {
        let record: VariantRecord
        /// Kept because hashing the name again would take longer than everything else that publishing does with a variant.
        let tag: VariantTag
    }

    private typealias Chunk = UnsafeMutablePointer<Entry>
    private static let chunkSize = 1024

    /// How many variants policies may bring.
    let capacity: Int
    /// How many variants policies and defaults may bring together. Every number is below this.
    let limit: Int
    let numbers = Lock<[VariantRecord: VariantNumber]>([:])
    private let chunks: UnsafeMutablePointer<Atomic<Chunk?>>

    init(capacity: Int, reserve: Int = 0) {
        self.capacity = capacity
        limit = capacity + reserve
        let count = (limit + Self.chunkSize - 1) / Self.chunkSize
        unsafe chunks = .allocate(capacity: count)
        for index in 0..<count { unsafe (chunks + index).initialize(to: Atomic(nil)) }
    }

    deinit {
        for (index, count) in numbers.withLock({ chunkSizes($0.count) }) {
            guard let chunk = unsafe chunks[index].load(ordering: .relaxed) else { continue }
            unsafe chunk.deinitialize(count: count)
            unsafe chunk.deallocate()
        }
        unsafe chunks.deallocate()
    }

    /// The record of a number that ``intern(_:)`` gave out. O(1), no lock.
    ///
    /// **Claim:** the record is complete when it is read. Because
    /// 1. `intern` writes the record before it returns the number;
    /// 2. the number reaches a reader only through something that orders memory: a published policy (`SnapshotCell`), or
    ///    what carried a decision from one thread to another;
    /// 3. a record is never written again.
    /// The chunk's address is stored releasing and loaded acquiring all the same. If 2 were broken, a relaxed load could yield
    /// an address whose memory has not arrived yet.
    subscript(number: VariantNumber) -> VariantRecord { unsafe entry(number).pointee.record }

    /// The name alone. The rest of the record is not read, so no reference to it is counted.
    func name(_ number: VariantNumber) -> VariantName { unsafe entry(number).pointee.record.name }

    /// The release alone.
    func release(_ number: VariantNumber) -> Release { unsafe entry(number).pointee.record.release }

    /// The rollout alone.
    func rollout(_ number: VariantNumber) -> RolloutID { unsafe entry(number).pointee.record.rollout }

    /// The tag alone.
    func tag(_ number: VariantNumber) -> VariantTag { unsafe entry(number).pointee.tag }

    private func entry(_ number: VariantNumber) -> UnsafePointer<Entry> {
        let index = Int(number.rawValue)
        guard index < limit,
            let chunk = unsafe chunks[index / Self.chunkSize].load(ordering: .acquiring)
        else { preconditionFailure("variant \(index) was never registered") }
        return unsafe UnsafePointer(chunk + index % Self.chunkSize)
    }

    /// These records as registered, new ones too; nil, and nothing registered, if they no longer all fit.
    func intern(_ records: [VariantRecord], usingReserve: Bool = false) -> [RegisteredVariant]? {
        let limit = usingReserve ? limit : capacity
        return numbers.withLock { numbers in
            let known = records.map { numbers[$0] }
            let fresh = Set(zip(records, known).lazy.filter { $0.1 == nil }.map(\.0)).count
            guard fresh <= limit - numbers.count else { return nil }
            return zip(records, known).map { record, known in
                let number = known ?? numbers[record] ?? VariantNumber(rawValue: UInt32(numbers.count))
                if number.rawValue == numbers.count {
                    let tag = VariantTag(record.name, in: record.rollout)
                    store(Entry(record: record, tag: tag), at: numbers.count)
                    numbers[record] = number
                }
                return RegisteredVariant(number: number, name: record.name, tag: tag(number))
            }
        }
    }

    private func chunkSizes(_ count: Int) -> [(index: Int, count: Int)] {
        stride(from: 0, to: count, by: Self.chunkSize).map { ($0 / Self.chunkSize, min(Self.chunkSize, count - $0)) }
    }

    private func store(_ entry: Entry, at index: Int) {
        let slot = unsafe chunks + index / Self.chunkSize
        let chunk: Chunk
        if let existing = unsafe slot.pointee.load(ordering: .relaxed) {
            unsafe chunk = existing
        } else {
            unsafe chunk = .allocate(capacity: Self.chunkSize)
        }
        unsafe (chunk + index % Self.chunkSize).initialize(to: entry)
        unsafe slot.pointee.store(chunk, ordering: .releasing)
    }
}

extension PolicyProblem {
    /// A policy that needs more records than the registry has room for is refused with this.
    static let tooManyVariants = PolicyProblem(
        .tooManyVariants,
        at: "",
        "the process would know more than \(grouped(VariantRegistry.shared.capacity)) different variants and releases"
    )
}
