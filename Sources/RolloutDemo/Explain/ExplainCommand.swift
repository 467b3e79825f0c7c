extension Command {
    /// Tells why a unit gets what it gets.
    static let explain = Command(
        name: "explain",
        options: [.policy],
        summary: "each rule in order, which one decided, and why"
    ) { _ throws(Stop) in .success }
}
