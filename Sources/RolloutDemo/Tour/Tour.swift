enum Tour {
    static func run() async throws(Stop) -> ExitStatus { .success }
}
