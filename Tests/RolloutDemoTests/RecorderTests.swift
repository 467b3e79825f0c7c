import Foundation
import Rollout
import RolloutDemo
import Synchronization
import Testing

@Suite("The recorder of JSON Lines")
struct RecorderTests {
    private let folder: TemporaryFolder
    private let log: String

    init() throws {
        folder = try TemporaryFolder()
        log = folder.path + "/updates.jsonl"
    }

    private func contents() throws -> [UInt8] { try Array(Data(contentsOf: URL(fileURLWithPath: log))) }

    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast().map(\.self)
    }

    /// The numbers of the records; nil for a line that is not a record.
    private static func numbers(_ bytes: [UInt8]) -> [Int?] {
        lines(bytes).map { line in try? JSONDocument(parsing: Array(line)).root["number"]?.integer(as: Int.self) }
    }

    private static func router() throws -> RolloutRouter {
        let definition = RolloutDefinition(.canary(.zero, stable: [.app: "v1"], canary: [.app: "v2"]))
        return try RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: ["sms": definition]))
    }

    @Test("Every record of a router is a line, in order, beginning with the policy that ran")
    func lines() async throws {
        let updater = RolloutUpdater(try Self.router(), recorders: [try JSONLinesRecorder(log, durability: .process)])
        try await updater.update(by: "ana", because: "a\nnew \u{2028}line") { policy in
            try policy.setShare(of: "sms", to: .percent(10))
        }
        let remembered = updater.history.map(\.json)
        _ = try? await updater.update { try $0.promoteShadow("sms") }
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<2 {
                group.addTask {
                    for unit in 0..<50 {
                        let unit = UnitID("\(writer)-\(unit)")
                        _ = try? await updater.update { try $0.force(unit, to: "canary", in: "sms") }
                    }
                }
            }
        }
        let bytes = try contents()
        #expect(Self.numbers(bytes) == Array(1...103))
        let texts = Self.lines(bytes).map { String(decoding: $0, as: UTF8.self) }
        #expect(texts.prefix(2) == remembered[...])
        #expect(texts.suffix(32) == updater.history.suffix(32).map(\.json)[...])
    }

    @Test("edit records what became of it: who, when, why, accepted or refused; each run adds a line")
    func edit() throws {
        let words = ["--record", log, "--by", "ana", "--because", "healthy", "--now", "1800000000"]
        let accepted = try Demo.run(["edit", Recorded.policy, "share", "sms", "25"] + words, input: [])
        #expect(accepted.status == 0)
        let refused = try Demo.run("edit", Recorded.policy, "promote-shadow", "sms", "--record", log, "--now", "7")
        #expect(refused.status == 2)
        let lines = Self.lines(try contents()).map { String(decoding: $0, as: UTF8.self) }
        let old = try RolloutPolicy(json: Recorded.text(Recorded.policy)).digest
        let new = try RolloutPolicy(json: accepted.text)
        let processes = UpdateRecord.records(inLines: try contents()).records.map(\.process)
        try #require(processes.count == 2)
        #expect(
            lines == [
                #"{"author":"ana","error":null,"gates":[],"newDigest":"\#(new.digest)","number":2,"#
                    + #""oldDigest":"\#(old)","outcome":"accepted","policy":"\#(new.json.replacing("\"", with: "\\\""))","#
                    + #""process":"\#(processes[0])","reason":"healthy","restored":null,"revision":8,"running":8,"#
                    + #""time":1800000000}"#,
                #"{"author":null,"error":{"code":"editFailed","message":"The edit failed. rollout \"sms\" (canary): "#
                    + #"it has no shadow to promote; promote the canary"},"gates":[],"newDigest":null,"number":2,"oldDigest":"\#(old)","#
                    + #""outcome":"refused","policy":null,"process":"\#(processes[1])","reason":null,"restored":null,"#
                    + #""revision":8,"running":7,"time":7}"#,
            ]
        )
    }

    @Test(
        "A torn last line is ended before the next record, and what is whole stays byte for byte",
        arguments: [#"{"number":1}"# + "\n" + #"{"author":"a"#, #"{"number":1}"#, "\n\n{", "\u{0}"]
    )
    func torn(start: String) throws {
        _ = try folder.path("updates.jsonl", start)
        for _ in 0..<2 { #expect(try Demo.run("edit", Recorded.policy, "abort", "sms", "--record", log).status == 0) }
        let bytes = try contents()
        #expect(bytes.starts(with: Array(start.utf8) + [UInt8(ascii: "\n")]))
        #expect(Self.numbers(bytes).suffix(2) == [2, 2])
        #expect(Self.lines(bytes).count == start.split(separator: "\n", omittingEmptySubsequences: false).count + 2)
    }

    @Test("A file that has no more room gets half a line, which the next record survives")
    func noRoom() throws {
        // The limit of a file's size cuts the write off; 8 blocks of 512 bytes.
        let start = String(repeating: " ", count: 3_950) + #"{"number":1}"# + "\n"
        _ = try folder.path("updates.jsonl", start)
        let script = #"ulimit -f 8; "$0" edit "$1" abort sms --record "$2""#
        let limited = try Demo.shell(script, Recorded.policy, log)
        try #require(limited.status == 2, "the shell's limit counts blocks of another size")
        #expect(limited.error.contains("only 133 of "), "\(limited.error)")
        #expect(limited.text.contains(#""revision": 8"#), "the edit was made, and the error says so")
        #expect(try contents().count == 4_096)

        #expect(try Demo.run("edit", Recorded.policy, "abort", "sms", "--record", log).status == 0)
        let bytes = try contents()
        #expect(Self.numbers(bytes) == [1, nil, 2])
        #expect(bytes.starts(with: start.utf8))
    }

    /// A separate process appends one long record after another, and is killed meanwhile.
    @Test("After kill -9 every record but the last is whole, and starting again loses none", arguments: [1, 20])
    func killed(records: Int) async throws {
        for attempt in 1...2 {
            await #expect(processExitsWith: .signal(SIGKILL)) { [log = log as String, records = records as Int] in
                let done = Count()
                let recorder = try JSONLinesRecorder(log, durability: .process)
                let updater = RolloutUpdater(try Self.router(), recorders: [recorder])
                Thread.detachNewThread {
                    while done.value.load(ordering: .relaxed) < records {}
                    kill(getpid(), SIGKILL)
                }
                while true {
                    // Long enough that the system writes it in several pieces.
                    let reason = String(repeating: "because ", count: 4_096)
                    try await updater.update(because: reason) { try $0.force("qa", to: "canary", in: "sms") }
                    done.value.add(1, ordering: .relaxed)
                }
            }
            let left = try contents()
            let updater = RolloutUpdater(try Self.router(), recorders: [try JSONLinesRecorder(log)])
            _ = try? await updater.update { _ in throw CancellationError() }
            let bytes = try contents()
            #expect(bytes.starts(with: left), "attempt \(attempt)")
            // Records 1, 2, 3, … of each process, except the one that was being written; then this process's.
            let runs = Self.numbers(bytes).split { $0 == nil }.flatMap { run in run.compactMap(\.self) }
            #expect(runs.suffix(2) == [1, 2])
            let starts = runs.indices.filter { runs[$0] == 1 } + [runs.count]
            #expect(starts.count > 2 * attempt)
            #expect(zip(runs, runs.dropFirst()).allSatisfy { $1 == $0 + 1 || $1 == 1 })
            let torn = Self.numbers(bytes).count { $0 == nil }
            #expect(torn <= attempt)
            let longest = zip(starts, starts.dropFirst()).map { $1 - $0 }.max() ?? 0
            #expect(longest >= records)
        }
    }

    private final class Count: Sendable {
        let value = Atomic(0)
    }

    @Test("Processes that append at once do not get into each other's lines")
    func processes() throws {
        let script = #"""
            for i in 1 2 3 4 5 6; do
                "$0" edit "$1" abort sms --quiet --record "$2" > /dev/null &
                "$0" edit "$1" abort sms --quiet --record "$2" > /dev/null
            done
            wait
            """#
        #expect(try Demo.shell(script, Recorded.policy, log).error == "")
        #expect(try Self.numbers(contents()) == Array(repeating: 2, count: 12))
    }

    private static let hasFullDevice = FileManager.default.fileExists(atPath: "/dev/full")

    @Test("A log that cannot be used ends with 2 and the system's reason", .enabled(if: hasFullDevice))
    func unusable() throws {
        for (path, reason) in [
            ("/nowhere/log", "cannot open /nowhere/log: No such file or directory"),
            ("/", "cannot open /: Is a directory"),
            ("/dev/full", "cannot append to /dev/full: No space left on device"),
        ] {
            let result = try Demo.run("edit", Recorded.policy, "abort", "sms", "--record", path)
            #expect(result.status == 2)
            // A log that cannot be opened stops the edit; one that takes no record is noticed only after it.
            #expect(result.text.isEmpty == (path != "/dev/full"))
            #expect(result.error.contains(reason), "\(result.error)")
        }
    }

    @Test("A router goes on when its log is full, and the reason is reported", .enabled(if: hasFullDevice))
    func report() async throws {
        let reports = Mutex<[String]>([])
        let router = try Self.router()
        let recorder = try JSONLinesRecorder("/dev/full", durability: .process) { text in
            reports.withLock { $0.append(text) }
        }
        try await RolloutUpdater(router, recorders: [recorder]).update { try $0.setShare(of: "sms", to: .percent(10)) }
        #expect(router.snapshot().revision == 2)
        let reason = "is not in the log: cannot append to /dev/full: No space left on device"
        #expect(reports.withLock { $0 } == ["record 1 \(reason)", "record 2 \(reason)"])
    }
}
