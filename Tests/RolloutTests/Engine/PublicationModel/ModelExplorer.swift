/// A piece of a thread's program, written as the code it stands for; gives what is to be remembered of it.
typealias ModelProcedure = @Sendable (inout ModelScript) throws(ModelPause) -> Int

/// What a procedure runs on: it goes through what has happened already, then pauses with what it wants to do next.
struct ModelScript {
    private let values: [Int]
    private var position = 0

    init(_ values: [Int]) { self.values = values }

    mutating func load(_ location: Int, _ ordering: ModelAction.Ordering) throws(ModelPause) -> Int {
        try step(.load(location, ordering))
    }

    mutating func store(_ value: Int, to location: Int, _ ordering: ModelAction.Ordering) throws(ModelPause) {
        _ = try step(.store(location, value: value, ordering))
    }

    mutating func fence(_ ordering: ModelAction.Ordering) throws(ModelPause) { _ = try step(.fence(ordering)) }

    private mutating func step(_ action: ModelAction) throws(ModelPause) -> Int {
        guard position < values.count else { throw ModelPause(action: action) }
        defer { position += 1 }
        return values[position]
    }
}

struct ModelPause: Error {
    let action: ModelAction
}

/// Runs threads in every way there is, and collects what they remember.
struct ModelExplorer {
    enum Schedule {
        /// Any thread may take the next step.
        case interleaved
        /// A thread runs when those before it are done.
        ///
        /// **Claim:** nothing is lost if each thread loads only what threads before it store. Because a store that is
        /// already there can be loaded or not, as the loading thread chooses: what it could see by running earlier, it
        /// can see later, and nobody sees what it does.
        case inOrder
    }

    /// The values that the threads remembered, thread by thread.
    typealias Outcome = [[Int]]

    let locations: [Int]
    /// What has happened before the threads start, and is known to all of them.
    let setup: ModelProcedure
    let threads: [[ModelProcedure]]

    func explore(_ schedule: Schedule) -> (outcomes: Set<Outcome>, states: Int) {
        var outcomes: Set<Outcome> = []
        var seen: Set<State> = []
        var pending = [start()]
        while let state = pending.popLast() {
            let running = threads.indices.filter { state.threads[$0].done < threads[$0].count }
            if running.isEmpty { outcomes.insert(state.threads.map(\.remembered)) }
            for thread in schedule == .inOrder ? running.prefix(1) : running[...] {
                for next in successors(of: state, thread) where seen.insert(next).inserted { pending.append(next) }
            }
        }
        return (outcomes, seen.count)
    }

    // MARK: States

    private struct State: Hashable {
        var memory: ModelMemory
        var threads: [Thread]
        /// The one thread that stores to a location.
        var owners: [Int?]
    }

    private struct Thread: Hashable {
        var knowledge: ModelKnowledge
        /// How many procedures have returned.
        var done = 0
        /// What the current procedure has loaded.
        var values: [Int] = []
        var remembered: [Int] = []
    }

    private func start() -> State {
        var memory = ModelMemory(locations)
        var knowledge = ModelKnowledge(locations: locations.count)
        var values: [Int] = []
        while case .action(let action) = next(setup, values) {
            let outcome = knowledge.outcomes(of: action, in: memory)[0]
            (memory, knowledge) = (outcome.memory, outcome.knowledge)
            values.append(outcome.value)
        }
        let thread = Thread(knowledge: knowledge)
        return State(
            memory: memory,
            threads: Array(repeating: thread, count: threads.count),
            owners: Array(repeating: nil, count: locations.count)
        )
    }

    private func successors(of state: State, _ index: Int) -> [State] {
        let thread = state.threads[index]
        guard case .action(let action) = next(threads[index][thread.done], thread.values) else { return [] }
        var owners = state.owners
        if case .store(let location, _, _) = action {
            precondition(owners[location] ?? index == index, "location \(location) has two writers")
            owners[location] = index
        }
        return thread.knowledge.outcomes(of: action, in: state.memory).map { outcome in
            var thread = thread
            thread.knowledge = outcome.knowledge
            thread.values.append(outcome.value)
            if case .result(let result) = next(threads[index][thread.done], thread.values) {
                thread.remembered.append(result)
                thread.values = []
                thread.done += 1
            }
            var state = state
            state.memory = outcome.memory
            state.threads[index] = thread
            state.owners = owners
            return state
        }
    }

    private enum Next {
        case action(ModelAction)
        case result(Int)
    }

    private func next(_ procedure: ModelProcedure, _ values: [Int]) -> Next {
        var script = ModelScript(values)
        do throws(ModelPause) {
            return .result(try procedure(&script))
        } catch {
            return .action(error.action)
        }
    }
}
