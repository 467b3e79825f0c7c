/// Where policies come from: a file, a store, a queue. A ``PolicyFollower`` brings what it hands out to an updater.
///
/// A source is one small type with one method:
///
///     struct Page: PolicySource {
///         let client: HTTPClient
///
///         func next() async throws -> [UInt8]? { try await client.get("https://config.local/policy.json") }
///     }
///
/// It judges nothing. Bytes may come again, be older than before, or be no policy: the follower sorts that out.
public protocol PolicySource: Sendable {
    /// The source's name in events and in the history, such as `file /etc/rollout/policy.json`.
    var name: String { get }

    /// Returns the content that the source has next.
    ///
    /// A source that hears of changes returns what it has now when it is asked first, and then waits here for the next
    /// change. A source that hears of none returns what it has now each time, changed or not: the follower compares, and rests
    /// for its interval before it asks again.
    ///
    /// One call is under way at a time. Its task is cancelled when the follower is. A source that ignores this is left
    /// alone, and its answer goes to the follower's next run.
    ///
    /// - Returns: The bytes of a policy document, or nil if there will never be any more.
    /// - Throws: Why there is nothing to be had at present. The follower asks again after a pause.
    func next() async throws -> [UInt8]?
}

extension PolicySource {
    /// The name of the type.
    public var name: String { String(describing: Self.self) }
}
