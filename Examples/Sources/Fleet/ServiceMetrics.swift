import CoreMetrics
import Rollout
import Synchronization

/// What the libraries of a service count through swift-metrics, to be shown on the same page as what Rollout counts.
///
///     MetricsSystem.bootstrap(ServiceMetrics.shared)           // once, before anything is counted
///     MetricsPage(of: router, with: ServiceMetrics.shared.metrics)
///
/// A counter is a counter, a gauge is a gauge, and a timer is two counters: how many times it has measured, and the nanoseconds in
/// all. A recorder shows what it recorded last. Series stay for as long as the process lives, because a counter that comes back
/// must not begin at 0 again.
package final class ServiceMetrics: MetricsFactory {
    package static let shared = ServiceMetrics()

    /// The most series that are shown. Some of their labels come from visitors, such as the method of a request.
    static let limit = 1_000

    private struct Name: Hashable {
        let family: String
        let labels: [String: String]
    }

    private let counters = Mutex<[Name: Count]>([:])
    private let timers = Mutex<[Name: Time]>([:])
    private let gauges = Mutex<[Name: Gauge]>([:])

    /// What has been counted until now.
    package var metrics: Metrics {
        let times = timers.withLock { $0 }
        let counts =
            counters.withLock { $0.map { ($0, $1.value) } }
            + times.map { (Name(family: "\($0.family)_count", labels: $0.labels), $1.count) }
            + times.map { (Name(family: "\($0.family)_nanoseconds", labels: $0.labels), $1.nanoseconds) }
        let values = gauges.withLock { $0.map { ($0, $1.value) } }
        return Metrics(
            joining: Self.families(counts).map { .counter("\($0)_total", help: Self.help, $1) }
                + Self.families(values).map { .gauge($0, help: Self.help, $1) }
        )
    }

    private static let help = "Counted by a library of the service, through swift-metrics."

    private static func families<Value>(_ series: [(Name, Value)]) -> [String: [[String: String]: Value]] {
        series.reduce(into: [:]) { families, series in
            families[series.0.family, default: [:]][series.0.labels] = series.1
        }
    }

    // MARK: Making series

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        Self.series(label, dimensions, in: counters) { Count() }
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        Self.series(label, dimensions, in: timers) { Time() }
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        Self.series(label, dimensions, in: gauges) { Gauge() }
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        Self.series(label, dimensions, in: gauges) { Gauge() }
    }

    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}

    /// The series of a name and its labels. One beyond the limit works, and is not shown.
    private static func series<Series: Sendable>(
        _ label: String,
        _ dimensions: [(String, String)],
        in known: borrowing Mutex<[Name: Series]>,
        _ make: @Sendable () -> Series
    ) -> Series {
        let labels = dimensions.map { (name(of: $0.0), $0.1) }
        let key = Name(family: name(of: label), labels: Dictionary(labels) { $1 })
        return known.withLock { known in
            if let series = known[key] { return series }
            let series = make()
            if known.count < limit { known[key] = series }
            return series
        }
    }

    /// The text with underscores for whatever Prometheus does not take in a name.
    private static func name(of text: String) -> String {
        let letters = text.unicodeScalars.map { $0.isASCII && $0.properties.isAlphabetic || "0"..."9" ~= $0 ? $0 : "_" }
        let name = String(String.UnicodeScalarView(letters))
        return name.first.map { "0"..."9" ~= $0 } ?? true ? "_\(name)" : name
    }

    // MARK: Series

    private final class Count: CounterHandler {
        private let count = Atomic(0)

        var value: Int { count.load(ordering: .relaxed) }

        func increment(by amount: Int64) { count.wrappingAdd(Int(amount), ordering: .relaxed) }

        /// Nothing: no counter of a page goes back.
        func reset() {}
    }

    private final class Time: TimerHandler {
        private let calls = Atomic(0)
        private let sum = Atomic(0)

        var count: Int { calls.load(ordering: .relaxed) }
        var nanoseconds: Int { sum.load(ordering: .relaxed) }

        func recordNanoseconds(_ duration: Int64) {
            calls.wrappingAdd(1, ordering: .relaxed)
            sum.wrappingAdd(Int(duration), ordering: .relaxed)
        }
    }

    private final class Gauge: MeterHandler, RecorderHandler {
        private let number = Mutex(0.0)

        var value: Double { number.withLock { $0 } }

        func set(_ value: Int64) { set(Double(value)) }
        func set(_ value: Double) { number.withLock { $0 = value } }
        func increment(by amount: Double) { number.withLock { $0 += amount } }
        func decrement(by amount: Double) { number.withLock { $0 -= amount } }
        func record(_ value: Int64) { set(Double(value)) }
        func record(_ value: Double) { set(value) }
    }
}
