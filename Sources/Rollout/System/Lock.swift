import Synchronization

/// A `Mutex` whose edges ThreadSanitizer can see.
///
/// The toolchain's `Mutex` waits on a futex, which the sanitizer does not see. So the sanitizer would report a
/// contended lock as a race. If compiled with `-DTSAN`, the wrapper tells the sanitizer when the lock is taken and
/// released. Otherwise it is only the mutex.
@safe struct Lock<State: ~Copyable>: ~Copyable {
    private let mutex: Mutex<State>

    init(_ state: consuming sending State) { mutex = Mutex(state) }

    borrowing func withLock<Result, Failure: Error>(
        _ body: (inout sending State) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try mutex.withLock { state throws(Failure) in
            #if TSAN
                unsafe __tsan_acquire(sanitizerTag)
                defer { unsafe __tsan_release(sanitizerTag) }
            #endif
            return try body(&state)
        }
    }

    #if TSAN
        private let sanitizerTag = UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8)
    #endif
}

extension Lock: @unchecked Sendable where State: ~Copyable {}

#if TSAN
    @_silgen_name("__tsan_acquire") private func __tsan_acquire(_ address: UnsafeMutableRawPointer)
    @_silgen_name("__tsan_release") private func __tsan_release(_ address: UnsafeMutableRawPointer)
#endif
