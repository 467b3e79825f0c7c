/// A memory as C11, and so Swift, allows it to behave: relaxed, acquiring and releasing accesses, and fences.
///
/// Operational, by views. A location remembers every value ever stored to it, in the order of the stores. A thread has, for
/// each location, the oldest store that it may still load; loading is a choice among that one and all newer ones. So a
/// relaxed load may return anything that nothing has ruled out, which is all that reordering by a compiler or a processor
/// can amount to. What rules old values out travels with the stores:
///
/// - a releasing store carries what its thread knows, a relaxed one what its thread knew at its last releasing fence;
/// - an acquiring load learns what the store carries, a relaxed one learns it at the next acquiring fence.
///
/// **Claim:** for the programs checked here that is the memory model, no more and no less. Because
/// 1. a store always comes last in the order of its location: either one thread alone stores to it (`ModelExplorer` insists),
///    or all do so by exchanges, which take the last one, or under a lock, or where a thread has made all exchanges fail;
/// 2. no store is needed before its turn ("load buffering", the one thing that views without promises leave out): either no
///    thread's store depends on a load from a thread that loads from it, or the store is releasing, and stays behind all loads;
/// 3. there are no sequentially consistent accesses.
struct ModelMemory: Hashable {
    /// A store.
    struct Message: Hashable {
        let value: Int
        /// What a thread that acquires it learns.
        let view: ModelView
    }

    /// The stores to each location, the oldest first; the first is what was there initially.
    private(set) var stores: [[Message]]
    private var count = 0

    init(_ initial: [Int]) {
        stores = initial.map { [Message(value: $0, view: ModelView(locations: initial.count))] }
    }

    mutating func append(_ message: Message, to location: Int) {
        stores[location].append(message)
        count += 1
    }

    /// Only the number of stores, as most memories that are compared share their buffers.
    func hash(into hasher: inout Hasher) { hasher.combine(count) }
}

/// For each location, the place of the oldest store in its order that may still be loaded.
struct ModelView: Hashable {
    private var oldest: [UInt8]

    init(locations: Int) { oldest = Array(repeating: 0, count: locations) }

    subscript(location: Int) -> Int {
        get { Int(oldest[location]) }
        set { oldest[location] = UInt8(newValue) }
    }

    mutating func learn(_ other: ModelView) {
        for location in oldest.indices where other.oldest[location] > oldest[location] {
            oldest[location] = other.oldest[location]
        }
    }
}

/// What a thread does to the memory.
enum ModelAction: Hashable {
    enum Ordering: Hashable {
        case relaxed, acquiring, releasing, acquiringAndReleasing

        var isAcquiring: Bool { self == .acquiring || self == .acquiringAndReleasing }
        var isReleasing: Bool { self == .releasing || self == .acquiringAndReleasing }
    }

    case load(Int, Ordering)
    case store(Int, value: Int, Ordering)
    case fence(Ordering)
    /// Stores a value, and gives the one that it replaces.
    case exchange(Int, value: Int, Ordering)
    /// Adds to a value if it lies in a range, and gives whether it does.
    case add(Int, Int, in: ClosedRange<Int>, Ordering)
    /// Waits until a location holds 0, and stores 1.
    case lock(Int)
}

/// What a thread knows.
struct ModelKnowledge: Hashable {
    /// What it may not look behind.
    private var current: ModelView
    /// What it will know after an acquiring fence.
    private var fetched: ModelView
    /// What it knew at its last releasing fence.
    private var released: ModelView

    init(locations: Int) {
        current = ModelView(locations: locations)
        fetched = current
        released = current
    }

    /// Every way the action can turn out: the memory and the knowledge afterwards, and the value, 0 unless loaded. None if it
    /// has to wait.
    func outcomes(
        of action: ModelAction,
        in memory: ModelMemory
    ) -> [(memory: ModelMemory, knowledge: ModelKnowledge, value: Int)] {
        var next = self
        switch action {
        case .load(let location, let ordering):
            let stores = memory.stores[location]
            return (current[location]..<stores.count).map { time in
                var next = self
                next.current[location] = time
                next.fetched[location] = time
                next.fetched.learn(stores[time].view)
                if ordering.isAcquiring { next.current.learn(stores[time].view) }
                return (memory, next, stores[time].value)
            }
        case .store(let location, let value, let ordering):
            let time = memory.stores[location].count
            next.current[location] = time
            next.fetched[location] = time
            var view = ordering.isReleasing ? next.current : released
            view[location] = time
            var memory = memory
            memory.append(ModelMemory.Message(value: value, view: view), to: location)
            return [(memory, next, 0)]
        case .exchange(let location, let value, let ordering):
            let last = memory.stores[location][memory.stores[location].count - 1]
            return [next.replacing(last, at: location, by: value, ordering, in: memory, giving: last.value)]
        case .add(let location, let amount, let range, let ordering):
            let last = memory.stores[location][memory.stores[location].count - 1]
            if !range.contains(last.value) { return [(memory, next, 0)] }
            return [next.replacing(last, at: location, by: last.value + amount, ordering, in: memory, giving: 1)]
        case .lock(let location):
            let last = memory.stores[location][memory.stores[location].count - 1]
            if last.value != 0 { return [] }
            return [next.replacing(last, at: location, by: 1, .acquiring, in: memory, giving: 0)]
        case .fence(let ordering):
            if ordering.isAcquiring { next.current.learn(fetched) }
            if ordering.isReleasing { next.released = next.current }
        }
        return [(memory, next, 0)]
    }

    /// An exchange, which takes the last store, and passes on what that carries.
    private func replacing(
        _ last: ModelMemory.Message,
        at location: Int,
        by value: Int,
        _ ordering: ModelAction.Ordering,
        in memory: ModelMemory,
        giving result: Int
    ) -> (memory: ModelMemory, knowledge: ModelKnowledge, value: Int) {
        var (next, memory) = (self, memory)
        let time = memory.stores[location].count
        next.current[location] = time
        next.fetched[location] = time
        next.fetched.learn(last.view)
        if ordering.isAcquiring { next.current.learn(last.view) }
        var view = ordering.isReleasing ? next.current : released
        view.learn(last.view)
        view[location] = time
        memory.append(ModelMemory.Message(value: value, view: view), to: location)
        return (memory, next, result)
    }

    /// Learns everything that has happened.
    mutating func catchUp(with memory: ModelMemory) {
        for (location, stores) in memory.stores.enumerated() { current[location] = stores.count - 1 }
        fetched = current
    }
}
