/// How a request ended.
public enum RequestOutcome: String, Hashable, Sendable, CaseIterable, Codable {
    /// It did what it was for.
    case success
    /// It did not. What a failure is, the service says.
    case failure
    /// Nobody waited for it any more, so it says nothing about the release that served it.
    case cancelled
}

/// Where a request counts: its outcome, and whether chance chose its variant.
struct OutcomeKind {
    /// 0 ..< 6: the outcomes of requests that were drawn, then those of all others.
    let index: Int

    static let count = 2 * RequestOutcome.allCases.count

    @inline(__always)
    init(_ outcome: RequestOutcome, isDrawn: Bool) {
        let place =
            switch outcome {
            case .success: 0
            case .failure: 1
            case .cancelled: 2
            }
        index = isDrawn ? place : place + 3
    }
}

extension Decision {
    /// Whether chance alone chose the variant, so that its requests may be compared with another variant's: they came by a
    /// draw, of now or of the time when the assignment was made. Whoever was forced, invited or not enrolled was not drawn.
    @inline(__always)
    var isDrawn: Bool {
        let code = UInt8(truncatingIfNeeded: answer >> Outcome.reasonShift & Outcome.reasonMask)
        return (code == Reason.Code.split.rawValue || code == Reason.Code.sticky.rawValue) && bucket != nil
    }

    /// The same decision without its bucket, so that it was not drawn.
    @inline(__always)
    var undrawn: Decision {
        Decision(answer: answer | UInt64(Outcome.absent) << Outcome.bucketShift, origin: origin)
    }
}
