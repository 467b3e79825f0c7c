/// Why a request with its cookies gets what it gets.
///
///     print(sessions.explanation(for: request, through: sms))
///
/// It is a value made from one policy, as an ``Explanation`` is. Making one also checks the signatures of the tokens,
/// and signs the cookie that is due. It changes none of ``SessionRouter/counts``.
public struct SessionExplanation: Hashable, Sendable {
    /// What the rules make of the request, with the assignment that its tokens leave.
    public let explanation: Explanation
    /// The name of the cookie that the rollout keeps, or nil if it keeps none and so reads none.
    public let cookie: String?
    /// The domain that tokens are bound to, in lower case, or nil if they are bound to the request's host.
    public let domain: String?
    /// What became of the tokens of the request, in their order. At most four cookies of the name are read.
    public let tokens: [Token]
    /// Whether the request has more cookies of the name than are read.
    public let hasMoreTokens: Bool
    /// Whether the bucket was drawn at random, for a visitor who has no unit and whose tokens leave no bucket.
    ///
    /// The cookie that is due keeps it. The request itself, and the next explanation, draw other ones.
    public let drewBucket: Bool
    /// The value of the `Set-Cookie` header that is due, or nil for none.
    public let setCookie: String?
    /// Why the cookie that is due cannot be written, or nil if it can, or if none is due.
    public let obstacle: CookieObstacle?

    /// A token of a request, and what became of it.
    public struct Token: Hashable, Sendable {
        /// What became of it.
        public let verdict: TokenVerdict
        /// What it says, or nil if its tag is not right: then anybody may have written it.
        public let content: Content?
    }

    /// What a genuine token says.
    public struct Content: Hashable, Sendable {
        /// The variant, or nil if the visitor was not enrolled or the rollout has no such variant now.
        public let variant: VariantName?
        /// The bucket, the epoch and the revision.
        public let assignment: Assignment
        /// When the token was issued.
        public let issued: UnixTime
        /// When it expires.
        public let expires: UnixTime
        /// The id of the key that signed it.
        public let key: UInt8
        /// Whether it was issued to the request's unit. Otherwise it was issued to a visitor without one.
        public let isBoundToUnit: Bool
    }
}

extension SessionRouter {
    /// Why a request gets what it gets: each rule in order, which one decided, and what became of each token.
    ///
    /// Not for the path of a request, as ``SessionExplanation`` says.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - handle: The rollout.
    /// - Returns: The explanation by the policy that runs now.
    public func explanation(for request: SessionRequest, through handle: RolloutHandle) -> SessionExplanation {
        let compiled = RouterState.behind(handle.cell).compiled
        let explained = SessionBytes.with(
            unit: request.unitText,
            host: request.hostText,
            cookies: request.cookies,
            now: request.now,
            keys: state.keys.current
        ) { bytes in
            state.explanation(bytes, request, compiled, recordAt: handle.start)
        }
        // A request makes its texts native, so there is one; the plain explanation keeps this total.
        return explained
            ?? SessionExplanation(
                compiled.explanation(for: request.unit, host: request.host, holding: nil, recordAt: handle.start)
            )
    }
}

extension SessionExplanation {
    /// An explanation of a request whose cookies are not read.
    fileprivate init(_ explanation: Explanation) {
        self.init(
            explanation: explanation,
            cookie: nil,
            domain: nil,
            tokens: [],
            hasMoreTokens: false,
            drewBucket: false,
            setCookie: nil,
            obstacle: nil
        )
    }
}

extension SessionState {
    /// Explains what ``route(_:through:)`` does with a request, by one policy that is held fast.
    fileprivate func explanation(
        _ bytes: SessionBytes,
        _ request: SessionRequest,
        _ compiled: CompiledPolicy,
        recordAt start: Int
    ) -> SessionExplanation {
        withExtendedLifetime(compiled) {
            let record = RolloutRecord(compiled.image, start: start)
            func explanation(_ assignment: Assignment?) -> Explanation {
                compiled.explanation(for: request.unit, host: request.host, holding: assignment, recordAt: start)
            }
            guard let cookie = unsafe record.cookie.record else { return SessionExplanation(explanation(nil)) }
            let received = unsafe received(bytes, cookie)
            let weighed = record.weigh(received)
            var judgement = record.judge(received, for: bytes.request)
            var writing = unsafe writing(judgement, bytes, cookie)
            var fresh: Assignment?
            if unsafe isOwedBucket(judgement.decision, cookie) {
                let assigned = unsafe assigned(judgement, bytes, cookie) { fresh in
                    record.decision(for: bytes.request, holding: fresh)
                }
                if let assigned { (judgement, writing, fresh) = (assigned.judgement, assigned.writing, assigned.fresh) }
            }
            let variants = compiled.variants(of: judgement.decision.variant.rollout)
            let isContradicted = weighed.losses[.contradicted] > 0
            return unsafe SessionExplanation(
                explanation: explanation(fresh ?? weighed.assignment),
                cookie: cookie.pointee.rules.cookie.name,
                domain: cookie.pointee.rules.cookie.normalizedDomain,
                tokens: (0..<received.count).compactMap { received[$0] }.map { entry in
                    let (standing, loss) = record.standing(of: entry)
                    return SessionExplanation.Token(entry, standing, loss, isContradicted: isContradicted, variants)
                },
                hasMoreTokens: hasMoreTokens(bytes, cookie),
                drewBucket: fresh != nil,
                setCookie: writing.cookie?.header,
                obstacle: writing.obstacle
            )
        }
    }

    private func hasMoreTokens(_ bytes: SessionBytes, _ cookie: UnsafePointer<CookieRecord>) -> Bool {
        var scanner = unsafe CookieScanner(bytes.cookies, name: cookie.pointee.name)
        for _ in 0...ReceivedTokens.limit where unsafe scanner.next() == nil { return false }
        return true
    }
}

extension SessionExplanation.Token {
    fileprivate init(
        _ entry: ReceivedTokens.Entry,
        _ standing: RolloutRecord.Standing,
        _ loss: TokenLoss?,
        isContradicted: Bool,
        _ variants: [RegisteredVariant]
    ) {
        let token = entry.token
        if let loss {
            verdict = .lost(loss)
        } else if standing == .newer {
            verdict = .newerEpoch
        } else {
            verdict = isContradicted ? .lost(.contradicted) : .valid
        }
        guard loss.map(\.isOfGenuineToken) ?? true else {
            content = nil
            return
        }
        content = SessionExplanation.Content(
            variant: variants.first { $0.tag == token.variant }?.name,
            assignment: token.assignment,
            issued: UnixTime(seconds: Int64(token.issued)),
            expires: UnixTime(seconds: Int64(token.expires)),
            key: token.key,
            isBoundToUnit: entry.isBoundToUnit
        )
    }
}

extension TokenLoss {
    /// Whether a token that is lost for this cause had the right tag.
    fileprivate var isOfGenuineToken: Bool {
        switch cause {
        case .malformed, .unknownVersion, .unknownKey, .badTag: false
        case .expired, .outlived, .issuedInFuture, .olderEpoch, .variantGone, .contradicted: true
        }
    }
}

extension SessionExplanation: CustomStringConvertible, Encodable {
    /// The explanation for a person: that of the rules, with a line for each token.
    public var description: String {
        let due = setCookie ?? obstacle.map { "none, because \(clause(on: $0))" }
        return explanation.text(noting: notes) + (due.map { "\nset-cookie: \($0)" } ?? "")
    }

    private func clause(on obstacle: CookieObstacle) -> String {
        switch obstacle.cause {
        case .outsideDomain:
            "the host \(quoted(explanation.host ?? "")) is outside the cookie's domain \(quoted(domain ?? ""))"
        case .timeOutOfRange: "a token holds no time before 1970 or after 2106 (in seconds)"
        case .unsigned: "the holder of the key did not sign"
        }
    }

    private var notes: [String] {
        guard let cookie else { return ["cookies: the rollout keeps none"] }
        var notes = tokens.enumerated().map { "token \($0 + 1): \($1)" }
        if tokens.isEmpty { notes.append("cookies: none is called \(quoted(cookie))") }
        if hasMoreTokens { notes.append("more cookies called \(quoted(cookie)): not read") }
        if drewBucket { notes.append("bucket: drawn at random; the cookie keeps it") }
        return notes
    }

    /// The explanation as canonical JSON: the members of ``Explanation/json``, and
    ///
    /// | key | value |
    /// | --- | --- |
    /// | `cookie` | the cookie's name, or null if the rollout keeps none |
    /// | `domain` | the domain that tokens are bound to, or null for the request's host |
    /// | `tokens` | an array; each token has `verdict` (`valid`, `of a newer epoch`, `lost: …`) and `content` |
    /// | `moreTokens`, `drewBucket` | true or false |
    /// | `setCookie` | the header's value, or null |
    /// | `obstacle` | why a cookie that is due cannot be written (`outside the domain`, …), or null |
    ///
    /// `content` is null unless the tag is right; else it has `variant`, `bucket`, `invitation`, `epoch`, `revision`,
    /// `issued`, `expires`, `key` and `boundToUnit`.
    public var json: String { tree.canonicalText }

    private var tree: JSONTree {
        .object(
            explanation.members + [
                ("cookie", cookie.map { .string($0) } ?? .null),
                ("domain", domain.map { .string($0) } ?? .null),
                ("tokens", .array(tokens.map(\.tree))),
                ("moreTokens", .boolean(hasMoreTokens)),
                ("drewBucket", .boolean(drewBucket)),
                ("setCookie", setCookie.map { .string($0) } ?? .null),
                ("obstacle", obstacle.map { .string($0.description) } ?? .null),
            ]
        )
    }

    /// Encodes the explanation with the keys of ``json``.
    public func encode(to encoder: any Encoder) throws { try tree.encode(to: encoder) }
}

extension SessionExplanation.Token: CustomStringConvertible {
    /// What became of the token, and what it says.
    public var description: String { content.map { "\(verdict); \($0)" } ?? "\(verdict)" }

    fileprivate var tree: JSONTree {
        .object([("verdict", .string(verdict.description)), ("content", content?.tree ?? .null)])
    }
}

extension SessionExplanation.Content: CustomStringConvertible {
    /// What the token says, in a few words.
    public var description: String {
        let bucket = assignment.bucket.map(grouped) ?? "none"
        let place = assignment.isInvitation ? "an invitation" : "bucket \(bucket)"
        return
            "variant \(variant?.text ?? "none"), \(place), epoch \(assignment.epoch), revision \(assignment.revision), "
            + "issued \(issued), expires \(expires), key \(key), issued \(isBoundToUnit ? "to this unit" : "to nobody")"
    }

    fileprivate var tree: JSONTree {
        .object([
            ("variant", variant.map { .string($0.text) } ?? .null),
            ("bucket", assignment.bucket.map { .integer($0) } ?? .null),
            ("invitation", .boolean(assignment.isInvitation)),
            ("epoch", .integer(Int(assignment.epoch))),
            ("revision", .integer(Int(assignment.revision))),
            ("issued", .integer(Int(issued.seconds))),
            ("expires", .integer(Int(expires.seconds))),
            ("key", .integer(Int(key))),
            ("boundToUnit", .boolean(isBoundToUnit)),
        ])
    }
}
