// A libFuzzer harness for the records of a log. `Tests/Fuzz/run` builds and runs it.

/// Reads arbitrary bytes as the lines of a recorder's log: that must not trap, a problem must have a sentence and a line of
/// the text, and a record that is read must be written as one that is read again.
func fuzzRecords(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let lines = 1 + bytes.count { $0 == UInt8(ascii: "\n") }
    let (records, problems) = UpdateRecord.records(inLines: bytes)
    for problem in problems {
        precondition(!problem.message.isEmpty)
        precondition(1...lines ~= problem.line ?? 0)
    }
    for record in records {
        let again = try? UpdateRecord(json: Array(record.json.utf8))
        precondition(again?.json == record.json)
    }
    return 0
}
