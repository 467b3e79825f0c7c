#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `--name value` pairs of the command line.
struct Options: Sendable {
    private var values: [String: String] = [:]

    init(_ arguments: [String]) {
        for (name, value) in zip(arguments.dropFirst(), arguments.dropFirst(2)) where name.hasPrefix("--") {
            values[name] = value
        }
    }

    subscript(name: String) -> String? { values[name] }

    /// How often every time is taken.
    var repetitions: Int { max(values["--repetitions"].flatMap { Int($0) } ?? 25, 1) }
}

/// Writes a text to a file, or says that it cannot.
func write(_ text: String, to path: String) {
    guard let file = unsafe fopen(path, "w") else {
        print("compare: cannot write \(path)")
        return
    }
    unsafe fputs(text, file)
    unsafe fclose(file)
}
