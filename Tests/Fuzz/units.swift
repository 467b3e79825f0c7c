// A libFuzzer harness for tables of units. `Tests/Fuzz/run` builds and runs it.

/// Reads arbitrary bytes as a table of 64 buckets, and now and then puts what was accepted into a whole table: that must be accepted
/// as well, say the same of each bucket, and be united without a trap and without a count that cannot be.
func fuzzUnits(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let header = 28
    let buckets = 64
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    // Of any length, and then with the right length and title, so that the cells are reached.
    if let fault = UnitTable.fault(in: input, buckets: buckets) { precondition(!fault.isEmpty) }
    var bytes = input
    bytes.append(contentsOf: repeatElement(0, count: max(0, header + 2 * buckets - count)))
    bytes.removeLast(bytes.count - header - 2 * buckets)
    bytes.replaceSubrange(0..<16, with: Array("rollout units 1\n".utf8))
    if let fault = UnitTable.fault(in: bytes, buckets: buckets) {
        precondition(fault.hasPrefix("bucket "))
        return 0
    }
    guard input.reduce(0, { $0 &* 31 &+ UInt($1) }) % 1_024 == 0 else { return 0 }
    bytes.append(contentsOf: repeatElement(0, count: UnitTable.byteCount - bytes.count))
    guard let table = try? UnitTable(bytes: bytes) else { preconditionFailure("a part was accepted, the whole is not") }
    var union = UnitUnion()
    union.begin(OutcomeStage(of: "x", epoch: table.epoch, releases: [:], id: table.stage))
    for _ in 0..<2 { union.formUnion(with: table, canary: Share(buckets: buckets / 2) ?? .zero) }
    let units = (0..<buckets).map { table[$0] }
    for (variant, own) in [(VariantName.canary, units[..<(buckets / 2)]), (.stable, units[(buckets / 2)...])] {
        let counts = union.units(of: variant)
        precondition(counts.arrived == own.count { $0 != nil })
        precondition(counts.failed == own.count { $0?.hasFailed == true })
        precondition(counts.entered == own.count { $0?.entry != nil })
        precondition(counts.enteredFailed == own.count { $0?.entry == .failure })
        let slower = union.slower(of: variant)
        for edge in slower.indices { precondition(slower[edge] == own.count { ($0?.slowness ?? 0) > edge }) }
    }
    return 0
}
