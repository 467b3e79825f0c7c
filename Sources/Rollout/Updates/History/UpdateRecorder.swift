/// Takes a record of every attempt to change a router's policy, for a log, a durable store or a metric.
///
/// Records come one at a time and in order, on a thread of the system's pool, after the change has ended. No change
/// returns before its record was taken, unless its time is up or its task is cancelled. So a slow recorder makes
/// changes slow, but never decisions.
public protocol UpdateRecorder: Sendable {
    /// Takes a record. The attempt is over: nothing that fails here changes how it ended.
    func record(_ record: UpdateRecord)
}
