import Synchronization
import Threads

/// Repeated times of one candidate with one crowd and so many threads: nanoseconds a decision on each thread.
struct Measurement: Sendable {
    let candidate: Candidate
    let crowd: Crowd
    let threads: Int
    private(set) var times: [Double] = []
    private var rounds = 1024

    init(_ candidate: Candidate, _ crowd: Crowd, threads: Int) {
        self.candidate = candidate
        self.crowd = crowd
        self.threads = threads
    }

    var minimum: Double { times.min() ?? .nan }
    var median: Double { times.isEmpty ? .nan : times.sorted()[times.count / 2] }

    /// Finds out how many rounds take a few milliseconds, and that about a tenth of them are canaries.
    mutating func calibrate() {
        while elapsed() < .milliseconds(4) { rounds *= 2 }
        let canaries = candidate.run(crowd, 25_600)
        precondition(1_000...5_000 ~= canaries, "\(candidate.name): \(canaries) canaries of 25600")
        times = []
    }

    /// Takes the time once.
    mutating func repeatOnce() {
        times.append(elapsed() / .nanoseconds(1) / Double(rounds))
    }

    private func elapsed() -> Duration {
        let (run, crowd, rounds) = (candidate.run, crowd, rounds)
        return Threads.elapsed(onThreads: threads) { _ in checksum.add(run(crowd, rounds), ordering: .relaxed) }
    }
}

/// Every candidate with both crowds, on one thread and on two. The repetitions go through all of them in turn, so that what
/// disturbs the machine for a while disturbs all alike.
func measured(_ candidates: [Candidate], repetitions: Int) -> [Measurement] {
    let crowds = [Crowd(bytes: 16), Crowd(bytes: 36)]
    var measurements = candidates.flatMap { candidate in
        [1, 2].flatMap { threads in crowds.map { Measurement(candidate, $0, threads: threads) } }
    }
    for index in measurements.indices { measurements[index].calibrate() }
    for _ in 0..<repetitions {
        for index in measurements.indices { measurements[index].repeatOnce() }
    }
    return measurements
}

/// What keeps the compiler from leaving decisions out.
private let checksum = Atomic<Int>(0)
