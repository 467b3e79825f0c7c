/// Why a cookie that was due could not be written, in the order in which the causes are looked for. A minor release may add
/// causes.
public struct CookieObstacle: Hashable, Sendable, CaseIterable {
    /// The causes as the library tells them apart, in their order.
    enum Cause: UInt8, CaseIterable {
        case outsideDomain, timeOutOfRange, unsigned
    }

    let cause: Cause

    init(_ cause: Cause) { self.cause = cause }

    /// The request's host is not in the cookie's domain, so the browser would refuse the cookie.
    public static var outsideDomain: CookieObstacle { CookieObstacle(.outsideDomain) }
    /// The request's time is before 1970, or the cookie would expire after 2106. Milliseconds taken for seconds look so.
    public static var timeOutOfRange: CookieObstacle { CookieObstacle(.timeOutOfRange) }
    /// The holder of the key did not sign.
    public static var unsigned: CookieObstacle { CookieObstacle(.unsigned) }

    /// Every cause, in order.
    public static var allCases: [CookieObstacle] { Cause.allCases.map(CookieObstacle.init) }
}

extension CookieObstacle: CustomStringConvertible {
    /// The cause in a few words.
    public var description: String {
        switch cause {
        case .outsideDomain: "outside the domain"
        case .timeOutOfRange: "time out of range"
        case .unsigned: "unsigned"
        }
    }
}
