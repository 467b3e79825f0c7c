extension PolicyValidator {
    /// Reports a policy whose document would be too large to be read again.
    ///
    /// To write it, only to count, would cost more than all other checks together; so few policies come to that.
    mutating func checkSize(of policy: RolloutPolicy) {
        let bound = policy.rollouts.values.reduce(policy.environment.bound + 1_024) { $0 + $1.documentBound }
        guard bound > PolicyLimits.documentBytes else { return }
        let count = policy.json.utf8.count
        guard count > PolicyLimits.documentBytes else { return }
        report(
            .tooLarge,
            at: JSONPath(),
            "expected a policy of at most \(grouped(PolicyLimits.documentBytes)) bytes as JSON, found \(grouped(count))"
        )
    }
}

/// How many bytes of JSON something can take at most. No name, number or word is longer than 64 bytes, and no character
/// that has to be escaped is written in more than six.
extension RolloutDefinition {
    fileprivate var documentBound: Int {
        var bound = 1_024 + salt.bound + 80 * (disabled.count + draining.count)
        bound += (sticky?.name).bound + (sticky?.path).bound + (sticky?.domain).bound
        bound += hosts.keys.reduce(0) { $0 + $1.text.bound + 80 }
        bound += forced.keys.reduce(0) { $0 + $1.text.bound + 80 }
        bound += (compatible ?? []).reduce(0) { $0 + $1.documentBound }
        bound += strategy.variants.reduce(0) { $0 + $1.release.documentBound + 256 }
        if case .abTest(let test) = strategy { bound += 100 * (test.allocation?.count ?? 0) }
        return bound
    }
}

extension Release {
    fileprivate var documentBound: Int { versions.values.reduce(8) { $0 + $1.bound + 80 } }
}

extension String {
    fileprivate var bound: Int { 6 * utf8.count + 8 }
}

extension String? {
    fileprivate var bound: Int { self?.bound ?? 0 }
}
