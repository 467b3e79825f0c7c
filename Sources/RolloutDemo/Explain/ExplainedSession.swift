package import Rollout

/// What is known of a request's cookies.
package enum ExplainedSession {
    /// The request brings none.
    case none
    /// There are some, and no keys to read them with.
    case unread
    /// What a session router made of the request.
    case read(SessionDecision)
}

extension ExplainedRules {
    /// What the token says. Whether it is genuine only the keys can tell, so here the session router is believed.
    func assignment() -> Answer {
        let answer: SessionDecision
        switch session {
        case .none: return (["the request brings none"], nil)
        case .unread: return (["the cookies are not read: no --keys is given"], nil)
        case .read(let read): answer = read
        }
        guard let cookie = definition.sticky, definition.strategy.kind != .fixed, definition.strategy.kind != .shadow
        else { return (["the rollout keeps no cookie"], nil) }
        let decision = answer.decision
        switch answer.token {
        case .absent:
            return (["the request brings no cookie called \(quoted(cookie.name))"], nil)
        case .newerEpoch:
            return (["the token is of a newer epoch: this policy is behind"], .init(variant: first, reason: .stale))
        case .lost(let cause):
            return (["the token is not honoured: \(cause)"], nil)
        case .valid:
            guard decision.reason == .sticky else {
                return (["the token is valid, and pins nothing here"], nil)
            }
            var lines = [cookie.pin == .bucket ? "the token is valid, and pins the bucket" : "the token is valid"]
            // A token that holds is only written again when a visitor logs in.
            if answer.setCookie != nil { lines.append("it was issued without a unit, and is bound to the unit now") }
            return (lines, .init(variant: decision.variant.name, reason: .sticky, bucket: decision.bucket))
        }
    }

    /// A draw by the bucket that a visitor without a unit was given.
    func drawWithoutUnit() -> Answer {
        guard case .read(let answer) = session, let bucket = answer.decision.bucket, answer.decision.reason != .sticky
        else { return (["nothing to draw: the request brings no unit"], nil) }
        let origin =
            switch (answer.token, answer.setCookie) {
            case (.absent, nil): "drawn at random, and not kept: no cookie holds a time before 1970 or after 2106"
            case (.absent, _): "drawn at random, to be kept by the cookie"
            default: "which the cookie keeps"
            }
        let lines = ["bucket \(grouped(bucket)) of 1,000,000, \(origin)"] + rangeLines(around: bucket)
        return (lines, drawn(at: bucket))
    }
}
