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

    mutating func exchange(
        _ value: Int,
        at location: Int,
        _ ordering: ModelAction.Ordering
    ) throws(ModelPause) -> Int { try step(.exchange(location, value: value, ordering)) }

    /// Whether the value was in the range, and was added to.
    mutating func add(
        _ amount: Int,
        to location: Int,
        in range: ClosedRange<Int>,
        _ ordering: ModelAction.Ordering
    ) throws(ModelPause) -> Bool { try step(.add(location, amount, in: range, ordering)) == 1 }

    mutating func withLock<Result>(
        at location: Int,
        _ body: (inout ModelScript) throws(ModelPause) -> Result
    ) throws(ModelPause) -> Result {
        _ = try step(.lock(location))
        let result = try body(&self)
        try store(0, to: location, .releasing)
        return result
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

    /// The values that the threads remembered, thread by thread, and at last that of `closing` if there is one.
    typealias Outcome = [[Int]]

    let locations: [Int]
    /// What has happened before the threads start, and is known to all of them.
    let setup: ModelProcedure
    let threads: [[ModelProcedure]]
    /// What happens when all threads are done, and is known to it.
    var closing: ModelProcedure?
    /// The locations that several threads store to, in an order that their program sees to.
    var shared: Set<Int> = []

    /// Explores all executions, or some of them if an outcome turns up that is enough.
    func explore(
        _ schedule: Schedule,
        until isEnough: (Outcome) -> Bool = { _ in false }
    ) -> (outcomes: Set<Outcome>, states: Int) {
        var outcomes: Set<Outcome> = []
        var seen: Set<State> = []
        var pending = [start()]
        while let state = pending.popLast() {
            let running = threads.indices.filter { state.threads[$0].done < threads[$0].count }
            if running.isEmpty {
                let outcome = state.threads.map(\.remembered) + close(state.memory)
                outcomes.insert(outcome)
                if isEnough(outcome) { break }
            }
            var isStuck = !running.isEmpty
            for thread in schedule == .inOrder ? running.prefix(1) : running[...] {
                for next in successors(of: state, thread) {
                    isStuck = false
                    if seen.insert(next).inserted { pending.append(next) }
                }
            }
            precondition(!isStuck, "every thread waits")
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
        let start = runAlone(setup, in: ModelMemory(locations))
        let thread = Thread(knowledge: start.knowledge)
        return State(
            memory: start.memory,
            threads: Array(repeating: thread, count: threads.count),
            owners: Array(repeating: nil, count: locations.count)
        )
    }

    private func close(_ memory: ModelMemory) -> [[Int]] { closing.map { [[runAlone($0, in: memory).result]] } ?? [] }

    /// What a procedure comes to that knows all that has happened, and while nobody else does anything.
    private func runAlone(
        _ procedure: ModelProcedure,
        in memory: ModelMemory
    ) -> (memory: ModelMemory, knowledge: ModelKnowledge, result: Int) {
        var (memory, knowledge) = (memory, ModelKnowledge(locations: locations.count))
        knowledge.catchUp(with: memory)
        var values: [Int] = []
        while true {
            switch next(procedure, values) {
            case .result(let result): return (memory, knowledge, result)
            case .action(let action):
                let outcome = knowledge.outcomes(of: action, in: memory)[0]
                (memory, knowledge) = (outcome.memory, outcome.knowledge)
                values.append(outcome.value)
            }
        }
    }

    private func successors(of state: State, _ index: Int) -> [State] {
        let thread = state.threads[index]
        guard case .action(let action) = next(threads[index][thread.done], thread.values) else { return [] }
        var owners = state.owners
        if case .store(let location, _, _) = action, !shared.contains(location) {
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
