import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// What a fleet needs of etcd 3.4, through its JSON gateway: ranges, transactions, leases, and a watch that only wakes.
///
/// Mind when you copy this: the gateway writes 64-bit integers as strings and keys and values in base64. It leaves out what is 0,
/// false or empty. It ignores members that it does not know, so a compare without its target compares something else.
public final class EtcdGateway: Sendable {
    /// Where etcd serves its clients, such as `http://127.0.0.1:2379`.
    public let address: String

    private let limit: Duration
    private let silence: Duration
    private let calls: HTTPClient
    private let watches: HTTPClient

    /// A client. Call ``shutdown()`` when nobody uses it any more.
    ///
    /// - Parameters:
    ///   - address: Where etcd serves its clients.
    ///   - limit: The time in which a call has to be answered.
    ///   - silence: The time after which a watch that says nothing is given up.
    public init(
        _ address: String,
        answering limit: Duration = .milliseconds(1_200),
        silence: Duration = .seconds(10)
    ) {
        (self.address, self.limit, self.silence) = (address, limit, silence)
        calls = HTTPClient(connecting: limit, reading: limit)
        watches = HTTPClient(connecting: limit, reading: silence)
    }

    /// Closes all connections. Whatever is under way fails.
    public func shutdown() async throws {
        try await calls.shutdown()
        try await watches.shutdown()
    }

    // MARK: Keys

    /// Reads keys.
    public func range(_ range: EtcdRange) async throws(EtcdError) -> EtcdRange.Answer {
        try await call("kv/range", range)
    }

    /// Does something if comparisons hold, and something else if not, in one step.
    public func transact(_ transaction: EtcdTransaction) async throws(EtcdError) -> EtcdTransaction.Answer {
        try await call("kv/txn", transaction)
    }

    // MARK: Leases

    /// Grants a lease, and returns its number. What is put with it goes when the lease does.
    public func grant(seconds: Int64) async throws(EtcdError) -> Int64 {
        struct Request: Encodable { let TTL: EtcdInteger }
        struct Answer: Decodable { let ID: EtcdInteger }
        let answer: Answer = try await call("lease/grant", Request(TTL: EtcdInteger(seconds)))
        return answer.ID.value
    }

    /// Makes a lease last as long again from now.
    ///
    /// - Returns: Whether there still is such a lease.
    public func keepAlive(_ lease: Int64) async throws(EtcdError) -> Bool {
        struct Request: Encodable { let ID: EtcdInteger }
        struct Answer: Decodable {
            struct Result: Decodable { let TTL: EtcdInteger? }
            let result: Result
        }
        let answer: Answer = try await call("lease/keepalive", Request(ID: EtcdInteger(lease)))
        return answer.result.TTL != nil
    }

    /// Ends a lease.
    public func revoke(_ lease: Int64) async throws(EtcdError) {
        struct Request: Encodable { let ID: EtcdInteger }
        struct Answer: Decodable {}
        let _: Answer = try await call("lease/revoke", Request(ID: EtcdInteger(lease)))
    }

    // MARK: Watching

    /// Why a watch has returned.
    public enum Wake: Hashable, Sendable {
        /// etcd said something.
        case message
        /// It said nothing for as long as a watch waits.
        case silence
        /// It has ended the watch, or was not reached.
        case broken
    }

    /// Returns when something may have happened to a key, and says no more than that: read the key then.
    ///
    /// A change, a compaction and an error of etcd are all messages. A watch from a revision that etcd does not have yet, because its
    /// data were wiped, and a connection that leads nowhere any more are silence.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - revision: The first revision of etcd whose changes count: one more than that of the answer that was read before.
    /// - Returns: Why it returned.
    public func wait(for key: String, from revision: Int64) async -> Wake {
        struct Request: Encodable {
            struct Create: Encodable {
                let key: EtcdBytes
                let startRevision: EtcdInteger
            }
            let createRequest: Create
        }
        do {
            let body = Request(createRequest: .init(key: EtcdBytes(key), startRevision: EtcdInteger(revision)))
            let response = try await watches.execute(request("watch", body), deadline: .now() + TimeAmount(silence))
            guard response.status == .ok else { return .broken }
            // Each message is a line, and the first one says that the watch was made.
            var lines = 0
            for try await part in response.body {
                lines += part.readableBytesView.count { $0 == UInt8(ascii: "\n") }
                if lines > 1 { return .message }
            }
            return .broken
        } catch {
            let isLate = [.readTimeout, .deadlineExceeded].contains(error as? HTTPClientError)
            return isLate ? .silence : .broken
        }
    }

    // MARK: Calling

    private struct Refusal: Decodable { let error: String }

    private func request(_ path: String, _ body: some Encodable) throws -> HTTPClientRequest {
        var request = HTTPClientRequest(url: "\(address)/v3/\(path)")
        request.method = .POST
        request.headers = ["Content-Type": "application/json"]
        request.body = .bytes(try JSONEncoder().encode(body))
        return request
    }

    private func call<Answer: Decodable>(_ path: String, _ body: some Encodable) async throws(EtcdError) -> Answer {
        do {
            let response = try await calls.execute(request(path, body), deadline: .now() + TimeAmount(limit))
            let bytes = Data(try await response.body.collect(upTo: 256 << 20).readableBytesView)
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            guard response.status == .ok else {
                throw EtcdError(status: response.status, try? decoder.decode(Refusal.self, from: bytes).error)
            }
            return try decoder.decode(Answer.self, from: bytes)
        } catch let error as EtcdError {
            throw error
        } catch {
            throw EtcdError(error, from: address)
        }
    }
}

/// Why a call of etcd gave nothing.
public struct EtcdError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is known of the call.
    public enum Kind: Hashable, Sendable {
        /// It never came to etcd.
        case unreached
        /// etcd has refused it, and done nothing.
        case refused
        /// Nobody knows what became of it.
        case unknown
    }

    /// What is known of the call.
    public let kind: Kind
    /// A sentence for people.
    public let description: String

    init(_ kind: Kind, _ description: String) { (self.kind, self.description) = (kind, description) }

    /// An answer that is an error. etcd has judged what it calls the caller's fault before it does anything.
    fileprivate init(status: HTTPResponseStatus, _ text: String?) {
        let isRefused = 400..<500 ~= status.code && status != .requestTimeout && status != .tooManyRequests
        self.init(isRefused ? .refused : .unknown, text ?? "etcd answered \(status)")
    }

    fileprivate init(_ error: any Error, from address: String) {
        switch error as? HTTPClientError {
        case .connectTimeout: self.init(.unreached, "no connection to \(address) in time")
        case .deadlineExceeded, .readTimeout: self.init(.unknown, "\(address) did not answer in time")
        case nil where HTTPClient.isNoConnection(error): self.init(.unreached, "no connection to \(address)")
        default: self.init(.unknown, "\(address): \(error)")
        }
    }
}

extension HTTPClient {
    /// A client that tries each connection once: that tells whether anybody was reached. Whoever calls says when the next try is due.
    ///
    /// A request's own deadline ends with the head of the response. What comes after the head has the limit for reading.
    package convenience init(connecting limit: Duration, reading silence: Duration) {
        let times = Configuration.Timeout(connect: TimeAmount(limit), read: TimeAmount(silence))
        var configuration = Configuration(timeout: times)
        configuration.connectionPool.retryConnectionEstablishment = false
        self.init(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Whether an error of a request says that nobody listens at its address. A name has an error of its own for that.
    package static func isNoConnection(_ error: any Error) -> Bool {
        error is NIOConnectionError || (error as? IOError)?.errnoCode == ECONNREFUSED
    }
}

extension TimeAmount {
    /// As many whole milliseconds as a duration has.
    init(_ duration: Duration) { self = .milliseconds(Int64(duration / .milliseconds(1))) }
}

// MARK: Messages

/// Keys to read: one, or all with a prefix.
public struct EtcdRange: Encodable, Sendable {
    private enum Order: String, Encodable { case descend = "DESCEND" }
    private enum Target: String, Encodable { case modification = "MOD" }

    let key: EtcdBytes
    var rangeEnd: EtcdBytes?
    var limit: EtcdInteger?
    var revision: EtcdInteger?
    private var sortOrder: Order?
    private var sortTarget: Target?

    /// One key, as of a revision of etcd, or as it is now.
    public init(_ key: String, at revision: Int64? = nil) {
        self.key = EtcdBytes(key)
        self.revision = revision.map(EtcdInteger.init)
    }

    /// The keys with a prefix that were changed last, the last one first.
    public init(newest limit: Int64, with prefix: String) {
        key = EtcdBytes(prefix)
        rangeEnd = EtcdBytes(endOf: prefix)
        self.limit = EtcdInteger(limit)
        (sortOrder, sortTarget) = (.descend, .modification)
    }

    /// What was found.
    public struct Answer: Decodable, Sendable {
        let kvs: [EtcdEntry]?

        /// The keys, each with what it holds.
        public var entries: [EtcdEntry] { kvs ?? [] }
    }
}

/// A key and what it holds.
public struct EtcdEntry: Decodable, Sendable {
    let key: EtcdBytes
    let createRevision: EtcdInteger
    let modRevision: EtcdInteger
    let value: EtcdBytes?

    /// The key.
    public var name: String { String(decoding: key.data, as: UTF8.self) }
    /// The revision of etcd that made the key.
    public var created: Int64 { createRevision.value }
    /// The revision of etcd that last changed it.
    public var modified: Int64 { modRevision.value }
    /// What it holds.
    public var bytes: [UInt8] { value.map { [UInt8]($0.data) } ?? [] }
}

/// Something to do if comparisons hold, and something else to do if not.
public struct EtcdTransaction: Encodable, Sendable {
    /// Something that has to be so.
    public struct Comparison: Encodable, Sendable {
        private enum Target: String, Encodable { case create = "CREATE", modification = "MOD" }
        private enum Relation: String, Encodable { case equal = "EQUAL" }

        private let key: EtcdBytes
        private let target: Target
        private let result = Relation.equal
        private var createRevision: EtcdInteger?
        private var modRevision: EtcdInteger?

        private enum CodingKeys: CodingKey { case key, target, result, createRevision, modRevision }

        /// Whether a key was made by this revision of etcd; by 0, whether there is no such key.
        public init(_ key: String, created revision: Int64) {
            (self.key, target, createRevision) = (EtcdBytes(key), .create, EtcdInteger(revision))
        }

        /// Whether a key was last changed by this revision of etcd; by 0, whether there is no such key.
        public init(_ key: String, modified revision: Int64) {
            (self.key, target, modRevision) = (EtcdBytes(key), .modification, EtcdInteger(revision))
        }
    }

    /// Something to do.
    public struct Operation: Encodable, Sendable {
        private struct Put: Encodable {
            let key: EtcdBytes
            let value: EtcdBytes
            let lease: EtcdInteger?
        }

        private struct Deletion: Encodable {
            let key: EtcdBytes
            let rangeEnd: EtcdBytes?
        }

        private var requestRange: EtcdRange?
        private var requestPut: Put?
        private var requestDeleteRange: Deletion?

        /// Reads keys.
        public static func range(_ range: EtcdRange) -> Operation { Operation(requestRange: range) }

        /// Has a key hold a value, for as long as the lease lasts if there is one.
        public static func put(_ key: String, _ value: [UInt8], lease: Int64? = nil) -> Operation {
            let value = EtcdBytes(data: Data(value))
            return Operation(requestPut: Put(key: EtcdBytes(key), value: value, lease: lease.map(EtcdInteger.init)))
        }

        /// Deletes a key, or all keys from it up to another one, without that.
        public static func delete(_ key: String, upTo end: String? = nil) -> Operation {
            Operation(requestDeleteRange: Deletion(key: EtcdBytes(key), rangeEnd: end.map { EtcdBytes($0) }))
        }
    }

    let compare: [Comparison]
    let success: [Operation]
    let failure: [Operation]

    /// What to do if all comparisons hold, and what to do if one does not.
    public init(if compare: [Comparison] = [], then success: [Operation], else failure: [Operation] = []) {
        (self.compare, self.success, self.failure) = (compare, success, failure)
    }

    /// What was done.
    public struct Answer: Decodable, Sendable {
        private struct Header: Decodable { let revision: EtcdInteger? }
        private struct Response: Decodable { let responseRange: EtcdRange.Answer? }

        private let header: Header
        private let succeeded: Bool?
        private let responses: [Response]?

        /// Whether all comparisons held.
        public var isDone: Bool { succeeded ?? false }
        /// The revision of etcd after the transaction.
        public var revision: Int64 { header.revision?.value ?? 0 }
        /// What each range found, in their order.
        public var ranges: [[EtcdEntry]] { responses?.compactMap { $0.responseRange?.entries } ?? [] }
    }
}

// MARK: Values

/// A 64-bit integer, which the gateway writes as a string.
struct EtcdInteger: Codable, Hashable, Sendable {
    let value: Int64

    init(_ value: Int64) { self.value = value }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Int64(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "expected a 64-bit integer in a string, found \(text)"
            )
        }
        self.value = value
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(String(value))
    }
}

/// Bytes, which the gateway writes in base64.
struct EtcdBytes: Codable, Hashable, Sendable {
    let data: Data

    init(data: Data) { self.data = data }

    init(_ text: String) { data = Data(text.utf8) }

    /// The first key after all keys with a prefix, whose last byte must not be 255.
    init(endOf prefix: String) {
        var bytes = Array(prefix.utf8)
        bytes[bytes.count - 1] += 1
        data = Data(bytes)
    }

    init(from decoder: any Decoder) throws { data = try decoder.singleValueContainer().decode(Data.self) }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(data)
    }
}
