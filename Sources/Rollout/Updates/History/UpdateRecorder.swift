/// Hears of every attempt to change a router's policy: for a log, a durable store, a metric.
///
/// Records come one at a time and in order, on a thread of the system's pool, after the change took effect. No change returns
/// before its record was taken, unless its time is up or its task is cancelled. So a slow recorder makes changes slow, and
/// decisions never.
public protocol UpdateRecorder: Sendable {
    /// Takes a record. The change has happened, whatever fails here.
    func record(_ record: UpdateRecord)
}
