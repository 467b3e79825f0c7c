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
