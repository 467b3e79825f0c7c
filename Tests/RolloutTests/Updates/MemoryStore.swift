import Synchronization

@testable import Rollout

/// A store that several updaters of a test share, and that does what the test tells it to.
final class MemoryStore: PolicyStore {
    struct Failure: Error, CustomStringConvertible {
        var description: String { "the cable is cut" }
    }

    /// What a store is asked for.
    enum Step: CaseIterable { case read, swap }

    private struct State {
        var held: StoredPolicy?
        var count = 0
        var records: [String] = []
        var conditions: [StoreCondition] = []
        /// Runs before the next look and the next exchange, and after the next exchange.
        var beforeRead: (@Sendable () async throws -> Void)?
        var beforeSwap: (@Sendable () async -> StoreAnswer?)?
        var afterSwap: (@Sendable (StoreAnswer) async -> StoreAnswer)?
    }

    let name = "memory"
    private let state: Lock<State>

    init(_ policy: RolloutPolicy?) {
        state = Lock(State(held: policy.map { StoredPolicy(Array($0.json.utf8), version: "0") }))
    }

    var held: StoredPolicy? { state.withLock(\.held) }
    var policy: RolloutPolicy? { held.flatMap { try? RolloutPolicy(json: $0.bytes) } }
    /// The records that were stored with policies.
    var records: [String] { state.withLock(\.records) }
    var conditions: [StoreCondition] { state.withLock(\.conditions) }

    /// Holds these bytes from now on, whatever it held.
    func hold(_ text: String?) {
        state.withLock { state in
            state.count += 1
            state.held = text.map { StoredPolicy(Array($0.utf8), version: "\(state.count)") }
        }
    }

    /// Runs the body before the next reading.
    func beforeNextRead(_ body: @escaping @Sendable () async throws -> Void) {
        state.withLock { $0.beforeRead = body }
    }

    /// Runs the body before the next exchange. An answer of the body is the store's, which then does nothing.
    func beforeNextSwap(_ body: @escaping @Sendable () async -> StoreAnswer?) {
        state.withLock { $0.beforeSwap = body }
    }

    /// Gives the next exchange the answer of the body, which gets what the store would have answered.
    func afterNextSwap(_ body: @escaping @Sendable (StoreAnswer) async -> StoreAnswer) {
        state.withLock { $0.afterSwap = body }
    }

    /// Never answers when it is asked for this the next time. Delivers once it is asked.
    func hang(atNext step: Step) -> OneShot<Void> {
        let isAsked = OneShot<Void>()
        switch step {
        case .read:
            beforeNextRead {
                isAsked.fulfil(())
                await OneShot<Void>().value
            }
        case .swap:
            beforeNextSwap {
                isAsked.fulfil(())
                return await OneShot<StoreAnswer>().value
            }
        }
        return isAsked
    }

    /// Stores at the next exchange what is offered, and holds the answer back until it may give it.
    func holdBack(_ mayAnswer: OneShot<Void>) -> OneShot<Void> {
        let isStored = OneShot<Void>()
        afterNextSwap { answer in
            isStored.fulfil(())
            await mayAnswer.value
            return answer
        }
        return isStored
    }

    func read() async throws -> StoredPolicy? {
        let hook = state.withLock { exchange(&$0.beforeRead, with: nil) }
        try await hook?()
        return state.withLock(\.held)
    }

    func swap(
        _ policy: [UInt8],
        record: [UInt8],
        expecting version: String?,
        requiring condition: StoreCondition?
    ) async -> StoreAnswer {
        let (before, after) = state.withLock { state in
            (exchange(&state.beforeSwap, with: nil), exchange(&state.afterSwap, with: nil))
        }
        if let answer = await before?() { return answer }
        let answer = state.withLock { state -> StoreAnswer in
            if let condition {
                state.conditions.append(condition)
                if condition.version != "leader" { return .conditionFailed }
            }
            guard state.held?.version == version else { return .other(state.held) }
            state.count += 1
            state.held = StoredPolicy(policy, version: "\(state.count)", record: record)
            state.records.append(String(decoding: record, as: UTF8.self))
            return .stored
        }
        return await after?(answer) ?? answer
    }
}
