/// How often simulations run.
struct Effort: Sendable {
    /// No simulation runs more often, however often it should.
    let most: Int

    /// Runs a simulation so many times, each with its own seed, on all cores. The order of the results is that of the seeds.
    func run<Result: Sendable>(
        _ runs: Int,
        _ simulation: @escaping @Sendable (_ seed: UInt64) -> Result
    ) async -> [Result] {
        let runs = min(runs, most)
        let size = max(1, runs / 32)
        return await withTaskGroup(of: (start: Int, results: [Result]).self) { group in
            for start in stride(from: 0, to: runs, by: size) {
                group.addTask { (start, (start..<min(start + size, runs)).map { simulation(UInt64($0)) }) }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.start < $1.start }.flatMap(\.results)
        }
    }
}
