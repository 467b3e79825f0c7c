import Testing

@testable import Rollout

@Suite("The state of a follower")
struct FollowerStateTests {
    /// What a follower has begun, ended by the test in any order.
    private struct World {
        var state = FollowerState(every: .seconds(5), savesCopies: true)
        var random: SplitMix64
        var running: UInt32 = 1
        var asks: [PolicyContent.Identity?] = []
        var offers: [PolicyContent] = []
        var saves: [PolicyContent] = []
        var rests: [(lane: FollowerState.Lane, number: Int)] = []
        var events: [PolicyFollower.Event] = []
        var isOver = false
        /// Asks that no rest went before. Each needs one of the next two: a revision above all before it, or a wake.
        var hurried = 0
        var rises = 1
        var wakes = 0
        private var highest: UInt32 = 0
        private var hasRested = false

        init(seed: UInt64) { random = SplitMix64(seed: seed) }

        mutating func turn() {
            let turn = state.turn(running: running)
            events += turn.events
            isOver = turn.isLast
            for work in turn.works {
                switch work {
                case .ask(let seen, _):
                    asks.append(seen)
                    if !exchange(&hasRested, with: false) { hurried += 1 }
                case .offer(let content, _): offers.append(content)
                case .interruptOffer:
                    #expect(offers.count == 1, "there is something to interrupt")
                    if !offers.isEmpty { judge(.failure(.ended(.cancelled, at: nil))) }
                case .save(let content): saves.append(content)
                case .rest(let lane, _, let number):
                    rests.removeAll { $0.lane == lane }
                    rests.append((lane, number))
                }
            }
            #expect(asks.count <= 1 && offers.count <= 1 && saves.count <= 1)
            let isStuck = asks.isEmpty && offers.isEmpty && saves.isEmpty && rests.isEmpty
            #expect(!isStuck || isOver, "something goes on until all is over")
        }

        mutating func answer(_ answer: FollowerState.Answer) {
            asks.removeFirst()
            if case .policy(let content, _) = answer, content.revision > highest {
                highest = content.revision
                rises += 1
            }
            state.answered(answer)
        }

        mutating func judge(_ verdict: Result<UInt32, UpdateError>) {
            let (content, before) = (offers.removeFirst(), running)
            if case .success(let revision) = verdict { running = revision }
            state.judged(content, over: before, verdict)
        }

        mutating func save(_ failure: FileError?) { state.saved(saves.removeFirst(), failure) }

        mutating func endRest(_ index: Int) {
            let rest = rests.remove(at: index)
            if rest.lane == .asking { hasRested = true }
            state.rested(rest.lane, rest.number)
        }
    }

    private static let contents: [PolicyContent] = (1...12 as ClosedRange<UInt32>).map { revision in
        let bytes = Array(Followed.policy(revision).json.utf8)
        guard let content = try? PolicyContent(bytes, .init(bytes), from: "test") else { fatalError("no policy") }
        return content
    }

    /// What an updater would say, or whatever stops it.
    private static func verdict(_ world: inout World) -> Result<UInt32, UpdateError> {
        switch Int.random(in: 0..<6, using: &world.random) {
        case 0: .failure(.refused(by: "gate", ScriptedSource.Failure(description: "\(world.random.next())")))
        case 1: .failure(.needsEpoch([]))
        case 2: .failure(.ended(.timedOut(after: .seconds(1)), at: nil))
        default: .success(max(world.running, world.offers[0].revision))
        }
    }

    @Test("does one thing of each kind at a time, never stops, never hurries, and ends well", arguments: 1...50)
    func random(_ seed: UInt64) {
        var world = World(seed: seed)
        for _ in 0..<200 {
            world.turn()
            switch Int.random(in: 0..<8, using: &world.random) {
            case 0 where !world.rests.isEmpty: world.endRest(.random(in: world.rests.indices, using: &world.random))
            case 1, 2:
                guard let seen = world.asks.first else { continue }
                let content = Self.contents.randomElement(using: &world.random) ?? Self.contents[0]
                let kind = Int.random(in: 0..<6, using: &world.random)
                if kind == 0 {
                    world.answer(.failed(.unreadable(ScriptedSource.Failure(description: "away"))))
                } else if kind == 1, seen != .tooLarge {
                    world.answer(.noPolicy(.tooLarge, .lastRevision))
                } else if content.identity == seen {
                    world.answer(.sameAsBefore)
                } else {
                    world.answer(.policy(content, onlyTakesAway: kind == 2))
                }
            case 3, 4:
                if !world.offers.isEmpty { world.judge(Self.verdict(&world)) }
            case 5:
                let failure = Bool.random(using: &world.random) ? FileError("copy", "write", "full") : nil
                if !world.saves.isEmpty { world.save(failure) }
            case 6:
                world.state.wake()
                world.wakes += 1
            default: world.running += Int.random(in: 0..<20, using: &world.random) == 0 ? 1 : 0
            }
        }
        #expect(world.hurried <= world.rises + world.wakes)

        // From here on all goes well: the source has something new, it runs, it is saved, and the source ends.
        let bytes = Array(Followed.policy(1_000).json.utf8)
        guard let last = try? PolicyContent(bytes, .init(bytes), from: "test") else { return }
        world.events = []
        var hasSaid = false
        for _ in 0..<100 where !world.isOver {
            world.turn()
            if !world.asks.isEmpty {
                world.answer(hasSaid ? .ended : .policy(last, onlyTakesAway: false))
                hasSaid = true
            } else if let offer = world.offers.first {
                world.judge(.success(max(world.running, offer.revision)))
            } else if !world.saves.isEmpty {
                world.save(nil)
            } else if !world.rests.isEmpty {
                world.endRest(0)
            }
        }
        #expect(world.isOver)
        #expect(world.running == 1_000)
        #expect(world.events.contains(.accepted(revision: 1_000)))
        #expect(world.events.last { $0.kind != .saved && $0.kind != .ended } == .accepted(revision: 1_000))
        #expect(world.state.problem == nil)
    }
}
