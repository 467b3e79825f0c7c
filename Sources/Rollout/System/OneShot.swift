/// A value that arrives once, for one task to wait for.
final class OneShot<Value: Sendable>: Sendable {
    private enum State {
        case pending(CheckedContinuation<Value, Never>?)
        case fulfilled(Value)
    }

    private let state = Lock<State>(.pending(nil))

    /// Delivers the value, unless there is one already. Returns whether it was the first.
    @discardableResult
    func fulfil(_ value: Value) -> Bool {
        let (isFirst, waiting) = state.withLock { state in
            guard case .pending(let waiting) = state else { return (false, nil as CheckedContinuation<Value, Never>?) }
            state = .fulfilled(value)
            return (true, waiting)
        }
        waiting?.resume(returning: value)
        return isFirst
    }

    /// The value, once it is there.
    var value: Value {
        get async {
            await withCheckedContinuation { continuation in
                let value: Value? = state.withLock { state in
                    if case .fulfilled(let value) = state { return value }
                    state = .pending(continuation)
                    return nil
                }
                if let value { continuation.resume(returning: value) }
            }
        }
    }
}
