extension PolicyReader {
    /// A strategy, or nil where it is not clear which variants it has.
    mutating func strategy(_ value: JSONValue) -> RolloutStrategy? {
        guard checkKind(value, .object), let type = required("type", of: value),
            let kind = choice(type, RolloutStrategy.Kind.self)
        else { return nil }
        switch kind {
        case .fixed:
            _ = checkObject(value, keys: ["type", "release"])
            return requiredRelease("release", of: value).map { .fixed($0) }
        case .canary:
            _ = checkObject(value, keys: ["type", "percent", "stable", "canary"])
            let share = requiredShare(of: value)
            let (stable, canary) = (requiredRelease("stable", of: value), requiredRelease("canary", of: value))
            guard let stable, let canary else { return nil }
            return .canary(share, stable: stable, canary: canary)
        case .abTest:
            _ = checkObject(value, keys: ["type", "coverage", "variants", "allocation"])
            return abTest(value).map { .abTest($0) }
        case .shadow:
            _ = checkObject(value, keys: ["type", "percent", "primary", "shadow"])
            let share = requiredShare(of: value)
            let (primary, shadow) = (requiredRelease("primary", of: value), requiredRelease("shadow", of: value))
            guard let primary, let shadow else { return nil }
            return .shadow(share, primary: primary, shadow: shadow)
        }
    }

    private mutating func requiredShare(of value: JSONValue) -> Share {
        required("percent", of: value).flatMap { share($0) } ?? .zero
    }

    private mutating func requiredRelease(_ key: String, of value: JSONValue) -> Release? {
        required(key, of: value).map { release($0) }
    }

    private mutating func abTest(_ value: JSONValue) -> RolloutStrategy.ABTest? {
        let allocation = value["allocation"].flatMap { self.allocation($0) }
        let before = problems.count
        let coverage = value["coverage"].map { share($0) ?? .all } ?? .all
        guard let list = required("variants", of: value), checkKind(list, .array) else { return nil }
        let variants = list.elements.map { variant($0) }
        // Held against a coverage or weights that could not be read, the best ranges look wrong.
        let isRead = problems[before...].allSatisfy { $0.problem.code == .unknownKey }
        guard variants.allSatisfy({ $0 != nil }) else { return nil }
        return RolloutStrategy.ABTest(
            variants.compactMap(\.self),
            coverage: coverage,
            allocation: isRead ? allocation : nil
        )
    }

    private mutating func variant(_ value: JSONValue) -> WeightedVariant? {
        guard checkObject(value, keys: ["name", "weight", "release"]) else { return nil }
        let name: VariantName? = required("name", of: value).flatMap { self.name($0) }
        let weight = required("weight", of: value).flatMap { integer($0, in: PolicyLimits.weights) }
        let release = requiredRelease("release", of: value)
        guard let name, let release else { return nil }
        return WeightedVariant(name, weight: weight ?? 1, release: release)
    }

    /// The ranges, or nil where one of them cannot be read.
    private mutating func allocation(_ value: JSONValue) -> [AllocatedRange]? {
        guard checkKind(value, .array) else { return nil }
        let ranges = value.elements.map { range($0) }
        return ranges.allSatisfy { $0 != nil } ? ranges.compactMap(\.self) : nil
    }

    private mutating func range(_ value: JSONValue) -> AllocatedRange? {
        let parts = Array(value.elements)
        guard value.kind == .array, parts.count == 3 else {
            report(.wrongType, at: value, "expected [variant, from, to], found \(value.excerpt)")
            return nil
        }
        let buckets = 0...Share.bucketCount
        let name: VariantName? = name(parts[0])
        let (lower, upper) = (integer(parts[1], in: buckets), integer(parts[2], in: buckets))
        guard let name, let lower, let upper else { return nil }
        guard lower < upper else {
            report(.badAllocation, at: value, "expected a range that ends after it starts, found [\(lower), \(upper))")
            return nil
        }
        return AllocatedRange(name, lower..<upper)
    }
}
