package import Rollout
import Synchronization

/// Appends every record of an updater to a file of JSON Lines.
///
///     let updater = RolloutUpdater(router, recorders: [try JSONLinesRecorder("/var/lib/sms/updates.jsonl")])
///
/// This file and `AppendOnlyFile.swift` depend on nothing else of the demo: copy them into a service that wants such a
/// log.
///
/// **Claim:** a record that was whole stays whole, whoever is killed whenever. Because
///
/// 1. a record is one line, and one call appends it: other writers' lines come before or after it, never between;
/// 2. nothing that was written is ever written over, cut off or renamed;
/// 3. a line without an end, which a killed writer leaves, is ended before the next record. It stays as a line that is no
///    JSON, or as the whole record that only lacked its end.
///
/// So whoever reads the file takes the lines that are JSON, and passes over the others.
package final class JSONLinesRecorder: UpdateRecorder {
    /// What a record outlives once ``record(_:)`` has returned.
    package enum Durability: Sendable {
        /// The process, however it ends: the system has the record.
        case process
        /// A loss of power too: the disk has it. Costs one `fsync` a record, milliseconds in which updates wait.
        case power
    }

    private let file: Mutex<AppendOnlyFile>
    private let durability: Durability
    private let report: @Sendable (String) -> Void

    /// Opens the file, and makes it where there is none.
    ///
    /// - Parameters:
    ///   - path: The file. Several recorders, and several processes, may append to one.
    ///   - durability: What a record outlives.
    ///   - report: Hears why a record is not in the file; the updater's history still has it.
    /// - Throws: Why the file cannot be used.
    package init(
        _ path: String,
        durability: Durability = .power,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        let file = try AppendOnlyFile(path)
        if durability == .power { try file.synchronizeName() }
        self.file = Mutex(file)
        self.durability = durability
        self.report = report
    }

    package func record(_ record: UpdateRecord) {
        do {
            try append(record)
        } catch {
            report("record \(record.number) is not in the log: \(error)")
        }
    }

    /// Appends a record, and says so where that cannot be done.
    package func append(_ record: UpdateRecord) throws {
        let line = Array(record.json.utf8) + [UInt8(ascii: "\n")]
        try file.withLock { file in
            // Looked at each time: another process may have been killed since.
            try file.append(file.isTorn() ? [UInt8(ascii: "\n")] + line : line)
            if durability == .power { try file.synchronize() }
        }
    }
}
