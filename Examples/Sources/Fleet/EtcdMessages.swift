import Foundation

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
