import Rollout

/// Rollouts and requests at random, with few units and hosts, so that rules meet requests often.
enum RandomRollout {
    private static let hosts = ["a.example", "b.example", "c.example"]

    static func definition(using random: inout SplitMix64) -> RolloutDefinition {
        let share = Share(buckets: Int.random(in: 0...1_000_000, using: &random)) ?? .zero
        let strategy: RolloutStrategy
        switch Int.random(in: 0..<6, using: &random) {
        case 0: strategy = .fixed([.app: "v1"])
        case 1: strategy = .shadow(share, primary: [.app: "v1"], shadow: [.app: "v2"])
        case 2, 3: strategy = .canary(share, stable: [.app: "v1"], canary: [.app: "v2"])
        default:
            let variants = (0..<Int.random(in: 1...7, using: &random)).map { index in
                WeightedVariant(
                    VariantName("v\(index)") ?? .stable,
                    weight: Int.random(in: index == 0 ? 1...3 : 0...3, using: &random),
                    release: [.app: "v\(index)"]
                )
            }
            strategy = .abTest(variants, coverage: Bool.random(using: &random) ? .all : share)
        }
        let names = strategy.variants.map(\.name)
        let targets: [VariantName] = [.fixed, .shadow].contains(strategy.kind) ? [names[0], .canary] : names
        var definition = RolloutDefinition(strategy, salt: Bool.random(using: &random) ? "pepper" : nil)
        for host in hosts.dropLast() where Bool.random(using: &random) {
            definition.hosts[HostName(host)] = targets.randomElement(using: &random)
        }
        for unit in 0..<8 where Bool.random(using: &random) {
            definition.forced[UnitID(unit)] = targets.randomElement(using: &random)
        }
        definition.disabled = Set(names.dropFirst().filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
        definition.draining = Set(names.dropFirst().filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
        return definition
    }

    static func unit(using random: inout SplitMix64) -> String? {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: nil
        case 1: ""
        case 2: "\(Int.random(in: 0..<8, using: &random))"
        default: "user-\(Int.random(in: 0..<10_000, using: &random))"
        }
    }

    static func host(using random: inout SplitMix64) -> String? {
        guard let host = hosts.randomElement(using: &random), Bool.random(using: &random) else { return nil }
        return [host, host.uppercased(), "\(host):8080", "\(host)."].randomElement(using: &random)
    }
}
