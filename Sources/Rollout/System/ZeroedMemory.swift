import Synchronization

#if canImport(Glibc)
    private import Glibc
#elseif canImport(Musl)
    private import Musl
#elseif canImport(Darwin)
    private import Darwin
#endif

/// Words that are 0, for as long as the process lives.
///
/// A large allocation costs only addresses: the system gives a page when it is first written to.
///
/// - Parameter count: How many words.
/// - Returns: The first of them. A word of zeros is an atomic 0, so none has to be initialized.
func zeroedWords(_ count: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    guard let memory = unsafe calloc(count, MemoryLayout<Atomic<UInt64>>.stride) else {
        preconditionFailure("no memory for \(count) words")
    }
    return unsafe memory.bindMemory(to: Atomic<UInt64>.self, capacity: count)
}
