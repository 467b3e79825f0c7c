public import Rollout

extension RolloutPolicy {
    /// The canary with a cookie whose pair takes 72 bytes.
    public static func sticky(pin: StickyCookie.Pin) -> RolloutPolicy {
        one(
            RolloutDefinition(
                .canary(.percent(10), stable: .v1, canary: .v2),
                sticky: StickyCookie(name: "sms-app-version", maxAge: 3600, pin: pin)
            )
        )
    }
}

extension SessionRequest {
    /// The time of all requests that are measured.
    public static let now: UnixTime = 1_800_000_030

    /// A request of a known visitor.
    public static func measured(cookies: String? = nil) -> SessionRequest {
        SessionRequest(unit: Units.bytes36, host: "sms-app.local", cookies: cookies, now: now)
    }
}

extension String {
    /// The cookies of others, 285 bytes of them.
    public static let otherCookies = String(repeating: "abcdefgh=12345678; ", count: 15)

    /// A header of so many bytes, of one pair over and over.
    public static func cookies(_ pair: String, bytes: Int) -> String {
        String(repeating: pair, count: bytes / pair.utf8.count)
    }
}

extension SessionRouter {
    /// The session router that is measured.
    public static let measured = SessionRouter(keys: key(7))

    /// Replaces the key, so that what requests cost from now on is what they cost after a rotation.
    public func rotate() {
        do {
            guard try replaceKeys(with: Self.key(8)) != nil else { preconditionFailure("rotated twice") }
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// Keys that are literals: a wrong one is a mistake here.
    private static func key(_ id: UInt8) -> SigningKeys {
        do {
            return try SigningKeys([SigningKey(id: id, secret: [UInt8](id..<id + 32))])
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// What a browser sends back that got a cookie for the unit at `sms-app.local`.
    public func cookiePair(unit: String, through handle: RolloutHandle) -> String {
        let request = SessionRequest(unit: unit, host: "sms-app.local", now: SessionRequest.now)
        guard let header = route(request, through: handle).setCookie else { preconditionFailure("no cookie is due") }
        return String(header.prefix { $0 != ";" })
    }
}
