@testable import Rollout

/// A source that says what a test tells it to, when the test tells it.
final class ScriptedSource: PolicySource {
    struct Failure: Error, Hashable, CustomStringConvertible {
        let description: String
    }

    private struct State {
        var answers: [Result<[UInt8]?, Failure>] = []
        var isEnded = false
        var asker: OneShot<Result<[UInt8]?, any Error>>?
        var askCount = 0
        var watchers: [(count: Int, shot: OneShot<Void>)] = []
    }

    let name = "script"
    private let ignoresCancellation: Bool
    private let state = Lock(State())

    init(ignoresCancellation: Bool = false) { self.ignoresCancellation = ignoresCancellation }

    func next() async throws -> [UInt8]? {
        let shot = OneShot<Result<[UInt8]?, any Error>>()
        let watchers = state.withLock { state in
            precondition(state.asker == nil, "asked twice at once")
            state.askCount += 1
            if !state.answers.isEmpty {
                shot.fulfil(state.answers.removeFirst().mapError { $0 })
            } else if state.isEnded {
                shot.fulfil(.success(nil))
            } else {
                state.asker = shot
            }
            let reached = state.watchers.filter { $0.count <= state.askCount }
            state.watchers.removeAll { $0.count <= state.askCount }
            return reached
        }
        for watcher in watchers { watcher.shot.fulfil(()) }
        return try await withTaskCancellationHandler {
            try await shot.value.get()
        } onCancel: {
            if ignoresCancellation { return }
            state.withLock { $0.asker = nil }
            shot.fulfil(.failure(CancellationError()))
        }
    }

    // MARK: What a test says

    func say(_ policy: RolloutPolicy) { say(Array(policy.json.utf8)) }
    func say(_ text: String) { say(Array(text.utf8)) }
    func say(_ bytes: [UInt8]) { answer(.success(bytes)) }
    func fail(_ reason: String) { answer(.failure(Failure(description: reason))) }
    func end() { answer(.success(nil)) }

    private func answer(_ answer: Result<[UInt8]?, Failure>) {
        let asker: OneShot<Result<[UInt8]?, any Error>>? = state.withLock { state in
            if case .success(nil) = answer { state.isEnded = true }
            guard let asker = exchange(&state.asker, with: nil) else {
                state.answers.append(answer)
                return nil
            }
            return asker
        }
        asker?.fulfil(answer.mapError { $0 })
    }

    // MARK: What a test waits for

    var askCount: Int { state.withLock(\.askCount) }

    /// Returns once the source was asked that often: all answers before that one are dealt with, but for the offers.
    func asked(_ count: Int) async {
        let shot = OneShot<Void>()
        state.withLock { state in
            if state.askCount >= count { shot.fulfil(()) } else { state.watchers.append((count, shot)) }
        }
        await shot.value
    }
}

/// Collects what a follower reports.
final class EventLog: Sendable {
    private struct State {
        var events: [PolicyFollower.Event] = []
        var watchers: [(count: Int, shot: OneShot<Void>)] = []
    }

    private let state = Lock(State())

    var report: @Sendable (PolicyFollower.Event) -> Void {
        { event in
            let watchers = self.state.withLock { state in
                state.events.append(event)
                let reached = state.watchers.filter { $0.count <= state.events.count }
                state.watchers.removeAll { $0.count <= state.events.count }
                return reached
            }
            for watcher in watchers { watcher.shot.fulfil(()) }
        }
    }

    var events: [PolicyFollower.Event] { state.withLock(\.events) }

    /// All events, once there are that many.
    func events(_ count: Int) async -> [PolicyFollower.Event] {
        let shot = OneShot<Void>()
        state.withLock { state in
            if state.events.count >= count { shot.fulfil(()) } else { state.watchers.append((count, shot)) }
        }
        await shot.value
        return events
    }

    /// The events since the last call.
    func take() -> [PolicyFollower.Event] { state.withLock { state in exchange(&state.events, with: []) } }
}

/// A gate that does what a test says.
struct ClosureGate: PolicyGate {
    let verdict: @Sendable (RolloutPolicy) async throws -> Void
    var name: String { "smoke test" }

    func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws { try await verdict(next) }
}

extension PolicyFollower.Event {
    /// What makes a policy unusable, if this is such an event.
    var problem: UpdateError? { error as? UpdateError }

    /// The code of the first problem of a policy, if this is about one.
    var code: PolicyProblem.Code? { (problem?.underlying as? PolicyError)?.problems.first?.code }

    /// Why a file cannot be used, in the system's words.
    var reason: String? { (problem?.underlying as? FileError ?? error as? FileError)?.reason }
}
