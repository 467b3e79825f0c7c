/// How a text stands out on a terminal.
enum Style: String {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case blue = "34"

    func applied(to text: String) -> String { "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" }

    /// Whether styles reach a person who wants them: a terminal, and no `NO_COLOR` (https://no-color.org).
    static var isWelcome: Bool {
        Platform.isTerminal(Platform.standardOutput) && (Platform.environment("NO_COLOR") ?? "").isEmpty
            && Platform.environment("TERM") != "dumb"
    }
}
