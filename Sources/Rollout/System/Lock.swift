import Synchronization

/// A `Mutex` whose edges ThreadSanitizer can see.
///
/// The toolchain's `Mutex` parks on a futex, which the sanitizer does not instrument: a contended lock would be reported
/// as a race. Compiled with `-DTSAN` the wrapper tells it of both edges; otherwise it is the mutex and nothing more.
@safe struct Lock<State>: ~Copyable {
    private let mutex: Mutex<State>

    init(_ state: sending State) { mutex = Mutex(state) }

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

extension Lock: @unchecked Sendable {}

#if TSAN
    @_silgen_name("__tsan_acquire") private func __tsan_acquire(_ address: UnsafeMutableRawPointer)
    @_silgen_name("__tsan_release") private func __tsan_release(_ address: UnsafeMutableRawPointer)
#endif
