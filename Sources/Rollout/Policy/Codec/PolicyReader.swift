/// Reads a policy from a JSON document, collecting every problem on the way.
///
/// A value that cannot be read is reported and replaced by a harmless one, so that the rest is still judged. If a strategy
/// cannot be read, nothing is judged that depends on its variants.
struct PolicyReader {
    private let document: JSONDocument
    private(set) var problems: ProblemList
    /// What could not be read of each rollout. Something harmless stands in its place.
    private(set) var unread: [RolloutID: UnreadParts] = [:]

    private init(document: JSONDocument) {
        self.document = document
        problems = ProblemList(of: document.root.position)
    }

    /// Reads what the document holds; ``problems`` and ``unread`` say how much of it that is.
    static func read(_ document: JSONDocument) -> (policy: RolloutPolicy, reader: PolicyReader) {
        var reader = PolicyReader(document: document)
        for value in document.duplicates {
            if reader.problems.isFull { break }
            let key = quoted(value.key ?? "")
            reader.report(.duplicateKey, at: value, "\(key) stands in this object before", atKey: true)
        }
        let policy = reader.policy()
        return (policy, reader)
    }

    /// Reads what the document of a plan alone holds.
    static func readPlan(_ document: JSONDocument) -> (plan: ProgressionPlan, problems: ProblemList, isRead: Bool) {
        var reader = PolicyReader(document: document)
        for value in document.duplicates where !reader.problems.isFull {
            reader.report(
                .duplicateKey,
                at: value,
                "\(quoted(value.key ?? "")) stands in this object before",
                atKey: true
            )
        }
        let before = reader.problems.all.count
        let plan = reader.progression(document.root)
        return (plan, reader.problems, reader.isRead(since: before))
    }

    mutating func report(
        _ code: PolicyProblem.Code,
        at value: JSONValue,
        _ message: @autoclosure () -> String,
        atKey: Bool = false
    ) {
        let position = { atKey ? value.keyPosition ?? value.position : value.position }
        problems.report(code, at: value.path, position: position(), message())
    }

    private mutating func policy() -> RolloutPolicy {
        var policy = RolloutPolicy(revision: 0, rollouts: [:])
        let keys = ["$schema", "schema", "revision", "environment", "rollouts", "removed"]
        guard checkObject(document.root, keys: keys) else { return policy }
        // For editors. It says nothing about the policy.
        if let schema = document.root["$schema"] { _ = checkKind(schema, .string) }
        if let schema = required("schema", of: document.root), schema.integer(as: Int.self) != 1 {
            report(.unsupportedSchema, at: schema, "expected 1, found \(schema.excerpt)")
        }
        if let revision = required("revision", of: document.root) {
            policy.revision = UInt32(integer(revision, in: 0...Int(UInt32.max)) ?? 0)
        }
        if let environment = document.root["environment"] { policy.environment = text(environment) }
        if let removed = document.root["removed"] { policy.removed = epochs(removed) }
        guard let rollouts = required("rollouts", of: document.root), checkKind(rollouts, .object) else {
            return policy
        }
        for (key, value) in rollouts.members {
            if problems.isFull { break }
            let id: RolloutID = name(key, at: value) ?? RolloutID(asWritten: key)
            // Of two with one key the first is judged: it is the one that positions are found for.
            let isFirst = policy.rollouts[id] == nil
            let (definition, parts) = rollout(value)
            guard isFirst else { continue }
            policy.rollouts[id] = definition
            if !parts.isEmpty { unread[id] = parts }
        }
        return policy
    }

    private mutating func epochs(_ value: JSONValue) -> [RolloutID: UInt32] {
        var epochs: [RolloutID: UInt32] = [:]
        guard checkKind(value, .object) else { return epochs }
        for (key, value) in value.members {
            if problems.isFull { break }
            guard let id: RolloutID = name(key, at: value) else { continue }
            if let epoch = integer(value, in: 0...Int(UInt32.max)), epochs[id] == nil { epochs[id] = UInt32(epoch) }
        }
        return epochs
    }

    // MARK: Rollouts

    private static let rolloutKeys = [
        "strategy", "salt", "epoch", "sticky", "hosts", "forced", "disabled", "draining", "missingUnit", "bucketing",
        "enrolment", "compatible", "progression", "adaptation",
    ]

    /// A rollout, and which of its parts could not be read.
    private mutating func rollout(_ value: JSONValue) -> (RolloutDefinition, unread: UnreadParts) {
        var rollout = RolloutDefinition(.fixed([:]))
        var unread: UnreadParts = []
        guard checkObject(value, keys: Self.rolloutKeys) else { return (rollout, .strategy) }
        if let strategy = required("strategy", of: value).flatMap({ self.strategy($0) }) {
            rollout.strategy = strategy
            let isNamed = problems.all.isEmpty || strategy.variants.allSatisfy { isPolicyName($0.name.text) }
            if !isNamed { unread.insert(.names) }
        } else {
            unread.insert(.strategy)
        }
        if let salt = value["salt"] { rollout.salt = text(salt) }
        if let epoch = value["epoch"] { rollout.epoch = UInt32(integer(epoch, in: 0...Int(UInt32.max)) ?? 0) }
        if let sticky = value["sticky"] {
            let before = problems.all.count
            rollout.sticky = cookie(sticky)
            if !isRead(since: before) { unread.insert(.cookie) }
        }
        if let hosts = value["hosts"] { rollout.hosts = self.hosts(hosts) }
        if let forced = value["forced"] { rollout.forced = self.forced(forced) }
        if let disabled = value["disabled"] { rollout.disabled = names(disabled) }
        if let draining = value["draining"] { rollout.draining = names(draining) }
        if let rule = value["missingUnit"] {
            rollout.missingUnit = choice(rule, RolloutDefinition.MissingUnit.self) ?? .first
        }
        if let bucketing = value["bucketing"] {
            let before = problems.all.count
            rollout.bucketing = self.bucketing(bucketing)
            if !isRead(since: before) { unread.insert(.bucketing) }
        }
        if let enrolment = value["enrolment"] {
            let before = problems.all.count
            rollout.enrolment = self.enrolment(enrolment)
            if !isRead(since: before) { unread.insert(.enrolment) }
        }
        if let compatible = value["compatible"], checkKind(compatible, .array) {
            rollout.compatible = compatible.elements.map { release($0) }
        }
        readPlans(of: &rollout, from: value, &unread)
        return (rollout, unread)
    }

    /// Whether everything was read since so many problems were found. An unknown key hides nothing.
    func isRead(since count: Int) -> Bool { problems.all[count...].allSatisfy { $0.code == .unknownKey } }

    private mutating func hosts(_ value: JSONValue) -> [HostName: VariantName] {
        guard checkKind(value, .object) else { return [:] }
        var hosts: [HostName: VariantName] = [:]
        for (key, member) in value.members {
            let variant: VariantName = name(member) ?? VariantName(asWritten: member.string ?? "")
            if let expectation = HostForm.expectation(forPortOf: key) {
                report(.badHost, at: member, "expected \(expectation), found \(quoted(key))", atKey: true)
            }
            let host = HostName(key)
            if hosts[host] == nil {
                hosts[host] = variant
            } else {
                report(
                    .duplicateHost,
                    at: member,
                    "\(quoted(host.text)) stands before; case, port and a trailing dot make no other host",
                    atKey: true
                )
            }
        }
        return hosts
    }

    private mutating func forced(_ value: JSONValue) -> [UnitID: VariantName] {
        guard checkKind(value, .object) else { return [:] }
        var forced: [UnitID: VariantName] = [:]
        for (key, member) in value.members {
            let variant: VariantName = name(member) ?? VariantName(asWritten: member.string ?? "")
            let unit = UnitID(key)
            if forced[unit] == nil { forced[unit] = variant }
        }
        return forced
    }

    private mutating func cookie(_ value: JSONValue) -> StickyCookie {
        let keys = ["cookie", "maxAge", "pin", "secure", "sameSite", "path", "domain"]
        var cookie = StickyCookie(name: "unread", maxAge: PolicyLimits.maxAge.lowerBound)
        guard checkObject(value, keys: keys) else { return cookie }
        if let name = required("cookie", of: value) { cookie.name = text(name) ?? cookie.name }
        if let age = required("maxAge", of: value) {
            cookie.maxAge = integer(age, in: PolicyLimits.maxAge) ?? cookie.maxAge
        }
        if let pin = value["pin"] { cookie.pin = choice(pin, StickyCookie.Pin.self) ?? cookie.pin }
        if let secure = value["secure"] { cookie.isSecure = boolean(secure) ?? cookie.isSecure }
        if let site = value["sameSite"] {
            cookie.sameSite = choice(site, StickyCookie.SameSite.self) ?? cookie.sameSite
        }
        if let path = value["path"] { cookie.path = text(path) ?? cookie.path }
        if let domain = value["domain"], !domain.isNull { cookie.domain = text(domain) }
        return cookie
    }

    // MARK: Strategies

    /// A strategy, or nil if it is not clear which variants it has.
    private mutating func strategy(_ value: JSONValue) -> RolloutStrategy? {
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
        let before = problems.all.count
        var coverage = value["coverage"].map { share($0) ?? .all } ?? .all
        guard let list = required("variants", of: value), checkKind(list, .array) else { return nil }
        let variants = list.elements.map { variant($0) }
        // The best ranges look wrong beside a coverage or weights that could not be read.
        let isRead = isRead(since: before)
        guard variants.allSatisfy({ $0 != nil }) else { return nil }
        if let allocation, allocation.haveGaps {
            coverage = Share(buckets: allocation.owned) ?? .all
            if let written = value["coverage"] {
                report(
                    .badAllocation,
                    at: written,
                    "the allocation has a gap, and says by itself what it covers: leave this out"
                )
            }
        }
        return RolloutStrategy.ABTest(
            variants.compactMap(\.self),
            coverage: coverage,
            allocation: isRead ? allocation : nil
        )
    }

    private mutating func variant(_ value: JSONValue) -> WeightedVariant? {
        guard checkObject(value, keys: ["name", "weight", "release"]) else { return nil }
        let name: VariantName? = required("name", of: value).flatMap { value in
            self.name(value) ?? value.string.map { VariantName(asWritten: $0) }
        }
        let weight = required("weight", of: value).flatMap { integer($0, in: PolicyLimits.weights) }
        let release = requiredRelease("release", of: value)
        guard let name, let release else { return nil }
        return WeightedVariant(name, weight: weight ?? 1, release: release)
    }

    /// The ranges, or nil if one of them cannot be read.
    private mutating func allocation(_ value: JSONValue) -> [AllocatedRange]? {
        guard checkKind(value, .array) else { return nil }
        let ranges = value.elements.map { range($0) }
        return ranges.allSatisfy { $0 != nil } ? ranges.compactMap(\.self) : nil
    }

    private mutating func range(_ value: JSONValue) -> AllocatedRange? {
        let parts = Array(value.elements)
        guard value.kind == .array, parts.count == 3 else {
            report(.wrongType, at: value, "expected [variant or null, from, to], found \(value.excerpt)")
            return nil
        }
        let buckets = 0...Share.bucketCount
        let name: VariantName? = parts[0].isNull ? nil : name(parts[0])
        let (lower, upper) = (integer(parts[1], in: buckets), integer(parts[2], in: buckets))
        guard name != nil || parts[0].isNull, let lower, let upper else { return nil }
        guard lower < upper else {
            report(.badAllocation, at: value, "expected a range that ends after it starts, found [\(lower), \(upper))")
            return nil
        }
        return AllocatedRange(name, lower..<upper)
    }
}

/// Parts of a rollout that could not be read. Nothing is judged by what stands in their place.
struct UnreadParts: OptionSet, Sendable {
    let rawValue: UInt8

    static let strategy = UnreadParts(rawValue: 1)
    /// Variants have texts that are no names.
    static let names = UnreadParts(rawValue: 2)
    static let cookie = UnreadParts(rawValue: 4)
    static let progression = UnreadParts(rawValue: 8)
    static let adaptation = UnreadParts(rawValue: 16)
    static let bucketing = UnreadParts(rawValue: 32)
    static let enrolment = UnreadParts(rawValue: 64)
}
