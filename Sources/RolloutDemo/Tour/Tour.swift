import Rollout

/// A guided tour with a policy and a recorded log. Every number in it is measured while it runs.
enum Tour {
    private static let stations: [Station] = [
        .strategies, .ramp, .liveUpdate, .cookies, .pairs, .refusal, .refusedUpdate, .rollback, .movingIn, .outcomes,
        .progression, .status, .speed,
    ]

    static func run() async throws(Stop) -> ExitStatus {
        let start = ContinuousClock.now
        var stage = try Stage()
        stage.say("Rollout decides which release serves a request. This tour runs a policy of four rollouts")
        stage.say("over \(counted(stage.requests.count, "request")) that a real nginx has logged.")
        for (index, station) in stations.enumerated() {
            stage.title("\(index + 1). \(station.title)")
            try await station.visit(&stage)
            try stage.flush()
        }
        stage.say("")
        stage.say("That took \(seconds(ContinuousClock.now - start)). Next: \(Program.name) --help")
        try stage.flush()
        return .success
    }
}

/// A part of the tour.
struct Station: Sendable {
    let title: String
    let visit: @Sendable (inout Stage) async throws(Stop) -> Void
}

/// A duration in seconds with two decimals.
func seconds(_ duration: Duration) -> String {
    fixed(Int(duration / .milliseconds(10)), decimals: 2) + " s"
}
