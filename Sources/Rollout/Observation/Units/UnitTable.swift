/// What a process knows of a canary's units in a stage, bucket by bucket: bytes that another process can unite with its own.
///
/// A table is 2 MB, whatever it holds. See ``UnitUnion``, and ``Outcomes/unitTable(in:)``.
///
/// The bytes are 28 of a header (the ASCII text `rollout units 1` and a line feed, the epoch in 4 bytes, the id of the stage in 8),
/// and then 2 for each bucket in ascending order; all numbers are little-endian. Of a bucket's number, bits 0 ... 7 say how many
/// ``LatencyEdge``s its slowest outcome was slower than, bit 8 whether it failed in the epoch, and bits 9 and 10 are 0 for no outcome
/// in the epoch, 1 for none in the stage, 2 for a first one in the stage that was a success, and 3 for one that was a failure.
public struct UnitTable: Hashable, Sendable {
    /// How long ``bytes`` are.
    public static let byteCount = headerCount + 2 * Share.bucketCount
    private static let title = Array("rollout units 1\n".utf8)
    private static let headerCount = 28

    /// The table as bytes.
    public let bytes: [UInt8]

    /// The epoch of the rollout.
    public var epoch: UInt32 { number(at: Self.title.count) }
    /// The ``OutcomeStage/id`` of the stage.
    public var stage: UInt64 { number(at: Self.title.count + 4) }

    /// Reads a table. O(bytes).
    ///
    /// - Parameter bytes: What ``bytes`` of another table were.
    /// - Throws: `UnitTableError` if they are not a table.
    public init(bytes: [UInt8]) throws(UnitTableError) {
        if let fault = Self.fault(in: bytes) { throw UnitTableError(fault) }
        self.bytes = bytes
    }

    /// What is wrong with the bytes of a table of so many buckets, a multiple of four, or nil.
    static func fault(in bytes: [UInt8], buckets: Int = Share.bucketCount) -> String? {
        let count = headerCount + 2 * buckets
        guard bytes.count == count else {
            return "a table of units has \(grouped(count)) bytes, and here are \(grouped(bytes.count))"
        }
        guard bytes.starts(with: title) else {
            return "a table of units begins with \"rollout units 1\" and a line feed"
        }
        return unsafe bytes.withUnsafeBytes { bytes in
            for place in 0..<buckets / 4 {
                let cells = unsafe Self.cells(at: place, in: bytes)
                if cells == 0 { continue }
                for corner in 0..<4 {
                    let number = cells >> UInt64(16 * corner) & 0xFFFF
                    guard let fault = UnitCell(bits: number).fault else { continue }
                    return "bucket \(grouped(4 * place + corner)) is \(number): \(fault)"
                }
            }
            return nil
        }
    }

    /// The table of a stage.
    ///
    /// - Parameters:
    ///   - epoch: Its epoch.
    ///   - stage: Its id.
    ///   - fill: Is told where to put the cells of four buckets in a row; what it leaves out is empty.
    init(epoch: UInt32, stage: UInt64, _ fill: (_ put: (_ bucket: Int, UnitWord) -> Void) -> Void) {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        bytes.replaceSubrange(0..<Self.title.count, with: Self.title)
        unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe bytes.storeBytes(of: epoch.littleEndian, toByteOffset: Self.title.count, as: UInt32.self)
            unsafe bytes.storeBytes(of: stage.littleEndian, toByteOffset: Self.title.count + 4, as: UInt64.self)
            fill { bucket, word in
                let cells = (0..<4).reduce(0 as UInt64) { $0 | word[$1].bits << UInt64(16 * $1) }
                unsafe bytes.storeBytes(
                    of: cells.littleEndian,
                    toByteOffset: Self.headerCount + 2 * bucket,
                    as: UInt64.self
                )
            }
        }
        self.bytes = bytes
    }

    /// What is known of the unit in a bucket, 0 ..< 1,000,000, or nil if there was none in this epoch.
    public subscript(bucket: Int) -> Unit? {
        precondition(0..<Share.bucketCount ~= bucket, "bucket \(bucket) is not in 0 ..< 1,000,000")
        let number: UInt16 = number(at: Self.headerCount + 2 * bucket)
        let cell = UnitCell(bits: UInt64(number))
        return cell.hasArrived ? Unit(cell) : nil
    }

    /// A unit that had an outcome in this epoch.
    public struct Unit: Hashable, Sendable {
        /// How its first request in the stage ended, or nil if it had none.
        public let entry: RequestOutcome?
        /// Whether it failed in this epoch.
        public let hasFailed: Bool
        /// How many of ``LatencyEdge/all`` its slowest request in this epoch was slower than.
        public let slowness: Int

        fileprivate init(_ cell: UnitCell) {
            entry = cell.hasEntered ? (cell.hasEnteredFailed ? .failure : .success) : nil
            hasFailed = cell.hasFailed
            slowness = Int(cell.slowness)
        }
    }

    /// Hands out the cells of four buckets after the other, 16 bits each.
    func forEachCells(_ body: (_ place: Int, UInt64) -> Void) {
        unsafe bytes.withUnsafeBytes { bytes in
            for place in 0..<Share.bucketCount / 4 { body(place, unsafe Self.cells(at: place, in: bytes)) }
        }
    }

    private static func cells(at place: Int, in bytes: UnsafeRawBufferPointer) -> UInt64 {
        let offset = headerCount + 8 * place
        return UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    private func number<Number: FixedWidthInteger & BitwiseCopyable>(at offset: Int) -> Number {
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
        }
    }
}

/// Why bytes are no table of units.
public struct UnitTableError: Error, Hashable, CustomStringConvertible {
    /// What is wrong where, in a sentence.
    public let description: String

    fileprivate init(_ description: String) { self.description = description }
}

extension UnitCell {
    /// What is wrong with a cell that somebody else wrote, or nil.
    fileprivate var fault: String? {
        if bits > Self.mask { return "a bucket has \(Self.width) bits" }
        if slowness > LatencyEdge.count { return "no outcome is slower than more than \(LatencyEdge.count) edges" }
        if !hasArrived, bits != 0 { return "a bucket without an outcome is 0" }
        if hasEnteredFailed, !hasFailed { return "a unit whose first outcome was a failure has failed" }
        return nil
    }
}
