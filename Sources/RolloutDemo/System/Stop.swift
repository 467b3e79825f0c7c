/// Why a command ends before its work is done.
enum Stop: Error {
    /// The command line or a file could not be used: exit status 2.
    case unusable(String)

    /// Nobody reads the output any more, which is no failure: `… | head` has seen enough.
    case closedPipe
}

/// How a command that did its work ended.
enum ExitStatus: Int32 {
    case success = 0
    /// What it was given has problems, and all of them were reported.
    case problems = 1
    case unusable = 2
}
