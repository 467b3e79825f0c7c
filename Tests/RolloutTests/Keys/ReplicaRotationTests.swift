import Testing

@testable import Rollout

/// Two replicas of one service change their keys while browsers go from one to the other.
@Suite("Two replicas rotate a key")
struct ReplicaRotationTests {
    /// The keys that one replica has from now on.
    struct Step: Sendable, CustomStringConvertible {
        let replica: Int
        let keys: [UInt8]
        var description: String { "\(replica == 0 ? "a" : "b") \(keys)" }
    }

    /// A session that a replica does not honour: the key that signed it, and the keys of that replica.
    struct Loss: Hashable, Sendable {
        let signed: UInt8
        let keys: [UInt8]
    }

    /// Every order of the steps in which each replica keeps its own.
    static func orders(_ a: [[UInt8]], _ b: [[UInt8]]) -> [[Step]] {
        guard let first = a.first else { return [b.map { Step(replica: 1, keys: $0) }] }
        guard let second = b.first else { return [a.map { Step(replica: 0, keys: $0) }] }
        return orders(Array(a.dropFirst()), b).map { [Step(replica: 0, keys: first)] + $0 }
            + orders(a, Array(b.dropFirst())).map { [Step(replica: 1, keys: second)] + $0 }
    }

    static let added: [UInt8] = [8, 7]
    static let moved: [UInt8] = [7, 8]
    static let retired: [UInt8] = [8]
    static let twoSteps = orders([added, moved], [added, moved])

    /// Whether no replica takes its second step before each has taken the first.
    static func waits(_ order: [Step]) -> Bool { order.prefix(2).allSatisfy { $0.keys == added } }

    @Test("in two steps, the first everywhere before the second: no session is lost", arguments: twoSteps.filter(waits))
    func inTurn(_ order: [Step]) throws {
        let replicas = try Replicas()
        var lost = try replicas.losses(during: order)
        replicas.time = replicas.time + Int64(Fixture.maxAge)
        for replica in [0, 1] { lost += try replicas.losses(during: [Step(replica: replica, keys: Self.retired)]) }
        #expect(lost == [])
        #expect(replicas.risks == [])
        #expect(replicas.routers.map(\.keyIDs) == [Self.retired, Self.retired])
    }

    @Test("in two steps, one of them ahead: what it signs is lost where the key is not yet", arguments: twoSteps)
    func tooEarly(_ order: [Step]) throws {
        let lost = try Replicas().losses(during: order)
        #expect(Set(lost) == (Self.waits(order) ? [] : [Loss(signed: 8, keys: [7])]))
    }

    @Test(
        "in one step that keeps the old key: what is signed first is lost where the key is not yet",
        arguments: orders([moved], [moved])
    )
    func oneStep(_ order: [Step]) throws {
        let replicas = try Replicas()
        #expect(Set(try replicas.losses(during: order)) == [Loss(signed: 8, keys: [7])])
        #expect(replicas.risks == [.newSigner, .newSigner])
    }

    @Test("in one step to the new key alone: every older session is lost too", arguments: orders([retired], [retired]))
    func exchanged(_ order: [Step]) throws {
        let replicas = try Replicas()
        let lost = try replicas.losses(during: order)
        #expect(Set(lost) == [Loss(signed: 7, keys: [8]), Loss(signed: 8, keys: [7])])
        #expect(replicas.risks == [.newSigner, .lostSigner, .newSigner, .lostSigner])
    }

    /// Two session routers with one policy, and the browsers that have been to one of them.
    private final class Replicas {
        let routers: [SessionRouter]
        private let handle: RolloutHandle
        private var browsers: [(browser: Browser, signed: UInt8)] = []
        private(set) var risks: [KeyChange.Risk] = []
        var time = Fixture.now

        init() throws {
            handle = try Fixture.router(Fixture.policy()).1
            routers = [SessionRouter(keys: try Fixture.keys(7)), SessionRouter(keys: try Fixture.keys(7))]
        }

        /// Takes the steps. Before the first and after each, a new browser visits each replica, and then all browsers visit
        /// both.
        func losses(during steps: [Step]) throws -> [Loss] {
            var losses = try visits()
            for step in steps {
                let changed = try routers[step.replica].replaceKeys(with: Fixture.keys(step.keys))
                let change = try #require(changed)
                #expect(change.newIDs == step.keys)
                risks += change.risks
                losses += try visits()
            }
            return losses
        }

        private func visits() throws -> [Loss] {
            browsers.removeAll { $0.browser.expires <= time }
            for router in routers {
                var browser = Browser(unit: browsers.count.isMultiple(of: 2) ? "unit-\(browsers.count)" : nil)
                browser.visit(router, handle, at: time)
                browsers.append((browser, try token(in: browser.cookie).key))
            }
            return browsers.flatMap { (browser, signed) -> [Loss] in
                routers.compactMap { router in
                    // A copy: what a visit does to the cookie is not to hide what the next one finds.
                    var visitor = browser
                    switch visitor.visit(router, handle, at: time).token {
                    case .valid: return nil
                    case .lost(.unknownKey): return Loss(signed: signed, keys: router.keyIDs)
                    case let verdict:
                        Issue.record("\(verdict)")
                        return nil
                    }
                }
            }
        }
    }
}
