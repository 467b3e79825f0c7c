// One program for all harnesses, because building the library with its sanitizers takes as long as running one of them.
// `Tests/Fuzz/run` builds it, and starts it once for each.

#if canImport(Glibc)
    private import Glibc
#elseif canImport(Musl)
    private import Musl
#elseif canImport(Darwin)
    private import Darwin
#endif

/// The harness that `FUZZ_HARNESS` names.
private let harness: @Sendable (UnsafePointer<UInt8>?, Int) -> CInt = {
    let name = unsafe getenv("FUZZ_HARNESS").map { unsafe String(cString: $0) } ?? ""
    switch name {
    case "bucketing": return fuzzBucketing
    case "cookies": return fuzzCookies
    case "decision-header": return fuzzDecisionHeader
    case "json": return fuzzJSON
    case "keys": return fuzzKeys
    case "policy": return fuzzPolicy
    case "records": return fuzzRecords
    case "token": return fuzzToken
    case "units": return fuzzUnits
    default: preconditionFailure("FUZZ_HARNESS is \"\(name)\", which is no harness")
    }
}()

/// What libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { unsafe harness(start, count) }
