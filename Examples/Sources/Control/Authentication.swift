import Configuration
import Fleet
import Foundation
import HTTPTypes
import Hummingbird
import JWTKit
import Logging
import NIOCore
import Rollout
import ServiceLifecycle
import Synchronization

/// What a token allows.
enum Scope: String, CaseIterable, Sendable {
    case read = "rollout.read"
    case write = "rollout.write"
    case deploy = "rollout.deploy"
}

/// Who has sent a request, as their token says.
struct Caller: Sendable {
    let subject: String
    let scopes: Set<Scope>
}

/// A request, where it came from, and who has sent it.
struct AdminContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The address of the other end of the connection. Nobody's header counts.
    let address: String
    /// Nil outside of the routes that have an ``AuthenticationMiddleware``.
    var authenticated: Caller?

    init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        address = source.channel.remoteAddress?.ipAddress ?? "unknown"
    }

    /// In the order of keys, so that people can compare answers.
    var responseEncoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    /// Who has sent the request.
    var caller: Caller {
        get throws {
            guard let authenticated else { throw HTTPError(.internalServerError, message: "This route asks nobody.") }
            return authenticated
        }
    }
}

// MARK: Tokens

/// Says whose a token is, by the public keys of a JWKS file. The file is read again every second, so that keys can be rotated.
///
/// A key has to be for ES256, and to say so in `alg`. Its `kid` chooses it: a token of an unknown one is tried with no other key. What
/// the token's header says is believed only as far as it agrees with that. So neither `alg: none` nor an HMAC with the public key for
/// its secret comes as far as a signature that is checked.
final class TokenAuthority: Service {
    /// The longest token that is looked at, in bytes.
    static let longestToken = 16_384
    private static let longestSubject = 256

    private struct Keys: Sendable {
        let text: Data
        let collection: JWTKeyCollection
        let names: Set<String>
    }

    private let path: String
    private let issuer: String
    private let audience: String
    private let logger: Logger
    private let keys: Mutex<Keys>

    /// Reads the keys.
    ///
    /// - Throws: What is wrong with the file or the configuration, in a sentence.
    init(_ configuration: ConfigReader, _ logger: Logger) async throws {
        path = try configuration.requiredString(forKey: "token.keys")
        issuer = try configuration.requiredString(forKey: "token.issuer")
        audience = try configuration.requiredString(forKey: "token.audience")
        self.logger = logger
        guard let first = try await Self.read(path, unlike: nil) else { preconditionFailure("no keys to be unlike") }
        keys = Mutex(first)
    }

    /// Looks at the file every second. What is wrong with it is logged once, and the last good keys stay.
    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            var problem: String?
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                do {
                    if let new = try await Self.read(path, unlike: keys.withLock(\.text)) {
                        keys.withLock { $0 = new }
                        logger.info("tokens are checked with the keys \(new.names.sorted().joined(separator: ", "))")
                    }
                    problem = nil
                } catch {
                    if "\(error)" != problem { logger.error("the last good keys for tokens stay: \(error)") }
                    problem = "\(error)"
                }
            }
        }
    }

    private static func read(_ path: String, unlike old: Data?) async throws -> Keys? {
        func mistake(_ text: String) -> ConfigurationMistake { ConfigurationMistake(description: "\(path) \(text)") }
        guard let text = FileManager.default.contents(atPath: path) else { throw mistake("cannot be read") }
        if text == old { return nil }
        let set: JWKS
        do {
            set = try JSONDecoder().decode(JWKS.self, from: text)
        } catch {
            throw mistake("is no set of public keys: \(error)")
        }
        var names: Set<String> = []
        for key in set.keys {
            guard let name = key.keyIdentifier?.string, !name.isEmpty, names.insert(name).inserted else {
                throw mistake("has a key without a \"kid\" of its own")
            }
            guard key.keyType == .ecdsa, key.curve?.rawValue == "P-256", key.algorithm == .es256 else {
                throw mistake(
                    "has the key \"\(name)\", which is not for ES256: kty has to be EC, crv P-256, and alg ES256"
                )
            }
            guard key.privateExponent == nil else {
                throw mistake("has the private key of \"\(name)\", which belongs elsewhere")
            }
        }
        if names.isEmpty { throw mistake("has no key") }
        let collection = JWTKeyCollection()
        do {
            try await collection.add(jwks: set)
        } catch {
            throw mistake("has a key that is none: \(error)")
        }
        // Or a token with an unknown kid would be tried with the first key.
        await collection.clearDefault()
        return Keys(text: text, collection: collection, names: names)
    }

    /// Who sends a token, by the header `Authorization`.
    func caller(_ header: String?) async throws(TokenRefusal) -> Caller {
        guard let header else { throw .missing }
        let words = header.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { throw .noBearer }
        guard words[1].utf8.count <= Self.longestToken else { throw .tooLong }
        let token = Array(words[1].utf8)
        let keys = keys.withLock { $0 }
        let names: JWTHeader
        do { names = try DefaultJWTParser().parse(token, as: Unread.self).header } catch { throw .malformed }
        guard names.alg == "ES256", names.crit == nil else { throw .wrongAlgorithm }
        guard let name = names.kid, keys.names.contains(name) else { throw .unknownKey }
        let claims: Claims
        do {
            claims = try await keys.collection.verify(token, as: Claims.self)
        } catch let error as JWTError where error.errorType == .malformedToken {
            throw .malformed
        } catch {
            throw .badSignature
        }
        return try caller(claims)
    }

    private func caller(_ claims: Claims) throws(TokenRefusal) -> Caller {
        guard claims.iss == issuer else { throw .otherIssuer }
        guard claims.aud?.names.contains(audience) ?? false else { throw .otherAudience }
        let now = Double(UnixTime.now.seconds)
        guard let end = claims.exp, now < end else { throw .expired }
        if let start = claims.nbf, now < start { throw .tooEarly }
        guard let subject = claims.sub, !subject.isEmpty, subject.utf8.count <= Self.longestSubject,
            !subject.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { throw .noSubject }
        let scopes = claims.scope?.split(separator: " ").compactMap { Scope(rawValue: String($0)) } ?? []
        return Caller(subject: subject, scopes: Set(scopes))
    }
}

/// The payload of a token whose signature nobody has checked: nothing of it is looked at.
private struct Unread: JWTPayload {
    func verify(using algorithm: some JWTAlgorithm) {}
}

/// What a token says. All of it may be missing, so that each has a refusal of its own.
struct Claims: JWTPayload {
    var iss: String?
    var aud: Audience?
    var exp: Double?
    var nbf: Double?
    var sub: String?
    /// Names with spaces between.
    var scope: String?

    /// The authority looks at the claims once the signature has been checked.
    func verify(using algorithm: some JWTAlgorithm) {}

    /// A text or a list of texts.
    struct Audience: Codable, Sendable {
        let names: [String]

        init(_ name: String) { names = [name] }

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            names = try (try? [value.decode(String.self)]) ?? value.decode([String].self)
        }

        func encode(to encoder: any Encoder) throws {
            var value = encoder.singleValueContainer()
            try value.encode(names)
        }
    }
}

/// Why a token does not count.
enum TokenRefusal: String, Error {
    case missing, noBearer, tooLong, malformed, wrongAlgorithm, unknownKey, badSignature
    case otherIssuer, otherAudience, expired, tooEarly, noSubject

    /// What is wrong. Whoever guesses learns nothing that they do not know.
    var message: String {
        switch self {
        case .missing: "A token is needed: Authorization: Bearer TOKEN."
        case .noBearer: "The header Authorization has to be \"Bearer\" and a token."
        case .tooLong: "The token has more than \(TokenAuthority.longestToken) bytes."
        case .malformed: "The token is no JWT."
        case .wrongAlgorithm: "The token has to be signed with ES256."
        case .unknownKey: "The token is signed with a key that is not known here."
        case .badSignature: "The token's signature is not right."
        case .otherIssuer: "The token is another issuer's."
        case .otherAudience: "The token is for somebody else."
        case .expired: "The token has expired, or has no \"exp\"."
        case .tooEarly: "The token does not count yet."
        case .noSubject: "The token says nobody's name in \"sub\", or none that can be written down."
        }
    }
}

// MARK: Requests

/// Lets requests through whose token has one of some scopes. Whatever it refuses is written down, without the token.
struct AuthenticationMiddleware: RouterMiddleware {
    let authority: TokenAuthority
    let trail: AuditTrail
    let limit: RefusalLimit
    let scopes: [Scope]

    func handle(
        _ request: Request,
        context: AdminContext,
        next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        let caller: Caller
        do throws(TokenRefusal) {
            caller = try await authority.caller(request.headers[.authorization])
        } catch {
            return try await refuse(error, request, context)
        }
        var context = context
        context.authenticated = caller
        guard !caller.scopes.isDisjoint(with: scopes) else {
            let names = scopes.map(\.rawValue).joined(separator: " or ")
            let refusal = APIError(.forbidden, "missingScope", "This needs a token with the scope \(names).")
            await trail.refused(refusal, request, context, running: nil)
            let challenge = "Bearer error=\"insufficient_scope\", scope=\"\(scopes[0].rawValue)\""
            return try refusal.response(from: request, context: context, adding: [.wwwAuthenticate: challenge])
        }
        return try await next(request, context)
    }

    private func refuse(
        _ refusal: TokenRefusal,
        _ request: Request,
        _ context: AdminContext
    ) async throws -> Response {
        // A token that is good passes whatever others at its address send. So an abort does, at night, behind a proxy.
        if let pause = limit.count(context.address) {
            trail.throttled()
            return try APIError(.tooManyRequests, "tooManyRefusals", "Too many refused tokens came from this address.")
                .response(from: request, context: context, adding: [.retryAfter: "\(pause)"])
        }
        let error = APIError(.unauthorized, refusal.rawValue, refusal.message)
        await trail.unauthenticated(error, request, context)
        let challenge = refusal == .missing ? "Bearer" : "Bearer error=\"invalid_token\""
        return try error.response(from: request, context: context, adding: [.wwwAuthenticate: challenge])
    }
}

/// Counts refused tokens by address, for a minute at a time.
final class RefusalLimit: Sendable {
    static let refusals = 20
    /// The most addresses that are counted apart in a minute. All others count as one.
    private static let addresses = 10_000

    private struct State {
        var end = ContinuousClock.now
        var counts: [String: Int] = [:]
    }

    private let state = Mutex(State())

    /// Counts a refused token.
    ///
    /// - Returns: If there were too many, the seconds until the address may try again.
    func count(_ address: String) -> Int? {
        state.withLock { state in
            let now = ContinuousClock.now
            if now >= state.end { state = State(end: now + .seconds(60)) }
            let isKnown = state.counts[address] != nil || state.counts.count < Self.addresses
            let key = isKnown ? address : ""
            state.counts[key, default: 0] += 1
            if state.counts[key, default: 0] <= Self.refusals { return nil }
            return Int((state.end - now) / .seconds(1)) + 1
        }
    }
}

// MARK: Making keys and tokens

/// Makes keys and tokens for a demonstration. In production an identity provider does.
enum TokenMaker {
    /// Makes a key, adds its public part to `FOLDER/jwks.json`, and puts the private part into `FOLDER/signing.pem`. Tokens that were
    /// signed with earlier keys go on counting, until somebody takes their keys out of the first file.
    ///
    /// - Returns: The name of the key.
    static func makeKey(in folder: String) throws -> String {
        let key = ES256PrivateKey()
        let name = String(UInt64.random(in: .min ... .max), radix: 16)
        let files = FileManager.default
        try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var set = try files.contents(atPath: "\(folder)/jwks.json").map {
            try JSONDecoder().decode(JWKS.self, from: $0)
        }
        let new = try jwk(of: key, called: name)
        set = JWKS(keys: (set?.keys ?? []) + [new])
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        // The keys that check come first: no token is signed with a key that nobody knows.
        try encoder.encode(set).write(to: URL(filePath: "\(folder)/jwks.json"), options: .atomic)
        let private_ = "\(folder)/.signing.pem.\(name)"
        let isMade = files.createFile(
            atPath: private_,
            contents: Data(key.pemRepresentation.utf8),
            attributes: [.posixPermissions: 0o600]
        )
        guard isMade, rename(private_, "\(folder)/signing.pem") == 0 else {
            throw ConfigurationMistake(description: "\(folder)/signing.pem cannot be written")
        }
        return name
    }

    /// Signs a token with the key that ``makeKey(in:)`` made last.
    static func token(_ claims: Claims, keysIn folder: String) async throws -> String {
        let pem = try String(contentsOfFile: "\(folder)/signing.pem", encoding: .utf8)
        let key = try ES256PrivateKey(pem: pem)
        let set = try JSONDecoder().decode(JWKS.self, from: Data(contentsOf: URL(filePath: "\(folder)/jwks.json")))
        let own = try jwk(of: key, called: "")
        guard let name = set.keys.first(where: { $0.x == own.x && $0.y == own.y })?.keyIdentifier else {
            throw ConfigurationMistake(description: "\(folder)/jwks.json lacks the key of signing.pem")
        }
        let keys = await JWTKeyCollection().add(ecdsa: key, kid: name)
        return try await keys.sign(claims, kid: name, header: ["typ": "JWT", "alg": "ES256"])
    }

    private static func jwk(of key: ES256PrivateKey, called name: String) throws -> JWK {
        guard let (x, y) = key.parameters else { throw ConfigurationMistake(description: "the key has no coordinates") }
        // jwt-kit hands out base64, and a JWK has base64url without padding.
        func url(_ text: String) -> String {
            text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        }
        return .ecdsa(.es256, identifier: JWKIdentifier(string: name), x: url(x), y: url(y), curve: .p256)
    }
}
