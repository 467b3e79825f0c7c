import Fleet
import Rollout
import Testing

@Suite("One driver at a time")
struct LeadershipTests {
    /// A candidate that only says which term it leads in.
    private func candidate(_ name: String, _ gateway: EtcdGateway, _ term: Shared<StoreCondition?>) -> Task<
        Void, any Error
    > {
        Task {
            try await Leadership(gateway, as: name).run { condition in
                term.change { $0 = condition }
                defer { term.change { $0 = nil } }
                try await Task.sleep(for: .seconds(3_600))
            }
        }
    }

    @Test(
        "Two candidates lead one after the other, at once if the first one resigns and within two leases if it is cut off"
    )
    func takeover() async throws {
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                try await LosingProxy.run(to: server.address) { proxy in
                    try await server.withGateway(at: proxy.address, answering: .milliseconds(300)) { lossy in
                        let (ana, ben) = (Shared<StoreCondition?>(nil), Shared<StoreCondition?>(nil))
                        let first = candidate("ana", lossy, ana)
                        defer { first.cancel() }
                        try await eventually { ana.value != nil }
                        let second = candidate("ben", gateway, ben)
                        defer { second.cancel() }
                        try await Task.sleep(for: .seconds(4))
                        #expect(ana.value != nil && ben.value == nil, "a lease lasts as long as its holder asks for it")
                        let term = ana.value
                        proxy.cut()
                        let start = ContinuousClock.now
                        try await eventually { ben.value != nil }
                        #expect(ContinuousClock.now - start < promised(.seconds(6)))
                        #expect(ana.value == nil, "it leads no longer before another one does")
                        #expect(ben.value?.key == term?.key && ben.value?.version != term?.version)
                        second.cancel()
                        let third = candidate("eve", gateway, ana)
                        defer { third.cancel() }
                        try await eventually(within: promised(.seconds(2))) { ana.value != nil }
                    }
                }
            }
        }
    }

    @Test(
        "A leader that was stopped and replaced cannot write what it had decided, and could if its term was not compared",
        arguments: [true, false]
    )
    func stale(isCompared: Bool) async throws {
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                let updater = RolloutUpdater(try RolloutRouter(policy: .canary(10)), store: EtcdStore(gateway))
                try await updater.seed()
                // A leader that stands still asks for its lease no more, and does not notice.
                let lease = try await gateway.grant(seconds: 3)
                let key = "rollout/leader"
                let answer = try await gateway.transact(
                    EtcdTransaction(if: [.init(key, created: 0)], then: [.put(key, [], lease: lease)])
                )
                let term = StoreCondition(key, at: String(answer.revision))
                try await updater.update(requiring: term) { try $0.setShare(of: "sms", to: .percent(20)) }
                let successor = Shared<StoreCondition?>(nil)
                let task = candidate("ben", gateway, successor)
                defer { task.cancel() }
                try await eventually { successor.value != nil }
                try await Task.sleep(for: .seconds(3))
                // The successor has held, so the policy is what it was when the step was decided.
                let step = isCompared ? term : nil
                if isCompared {
                    let error = await #expect(throws: UpdateError.self) {
                        try await updater.update(requiring: step) { try $0.setShare(of: "sms", to: .percent(50)) }
                    }
                    #expect(error?.code == .conditionFailed && error?.isConflict == true)
                    #expect(updater.router.snapshot().revision == 2)
                    #expect(
                        try await updater.update(requiring: successor.value) {
                            try $0.setShare(of: "sms", to: .percent(30))
                        } == 3
                    )
                } else {
                    #expect(
                        try await updater.update(requiring: step) { try $0.setShare(of: "sms", to: .percent(50)) } == 3
                    )
                }
            }
        }
    }
}
