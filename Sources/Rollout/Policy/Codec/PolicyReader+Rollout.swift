extension PolicyReader {
    private static let rolloutKeys = [
        "strategy", "salt", "epoch", "sticky", "hosts", "forced", "disabled", "draining", "missingUnit", "bucketing",
        "compatible",
    ]

    /// A rollout, and whether its strategy could be read.
    mutating func rollout(_ value: JSONValue) -> (RolloutDefinition, isStrategyRead: Bool) {
        var rollout = RolloutDefinition(.fixed([:]))
        guard checkObject(value, keys: Self.rolloutKeys) else { return (rollout, false) }
        let strategy = required("strategy", of: value).flatMap { self.strategy($0) }
        if let strategy { rollout.strategy = strategy }
        if let salt = value["salt"] { rollout.salt = text(salt) }
        if let epoch = value["epoch"] { rollout.epoch = UInt32(integer(epoch, in: 0...Int(UInt32.max)) ?? 0) }
        if let sticky = value["sticky"] { rollout.sticky = cookie(sticky) }
        if let hosts = value["hosts"] { rollout.hosts = self.hosts(hosts) }
        if let forced = value["forced"] { rollout.forced = self.forced(forced) }
        if let disabled = value["disabled"] { rollout.disabled = names(disabled) }
        if let draining = value["draining"] { rollout.draining = names(draining) }
        if let rule = value["missingUnit"] {
            rollout.missingUnit = choice(rule, RolloutDefinition.MissingUnit.self) ?? .first
        }
        if let bucketing = value["bucketing"] { rollout.bucketing = self.bucketing(bucketing) }
        if let compatible = value["compatible"], checkKind(compatible, .array) {
            rollout.compatible = compatible.elements.map { release($0) }
        }
        return (rollout, strategy != nil)
    }

    private mutating func hosts(_ value: JSONValue) -> [HostName: VariantName] {
        guard checkKind(value, .object) else { return [:] }
        var hosts: [HostName: VariantName] = [:]
        for (key, member) in value.members {
            guard let variant: VariantName = name(member) else { continue }
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
            guard let variant: VariantName = name(member) else { continue }
            let unit = UnitID(key)
            if forced[unit] == nil { forced[unit] = variant }
        }
        return forced
    }

    private mutating func bucketing(_ value: JSONValue) -> RolloutDefinition.Bucketing {
        guard checkObject(value, keys: ["scheme"]), let scheme = required("scheme", of: value) else { return .rollout }
        return choice(scheme, RolloutDefinition.Bucketing.Scheme.self).map(RolloutDefinition.Bucketing.init) ?? .rollout
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
}
