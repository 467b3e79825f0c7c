import Testing

@Suite("The command line")
struct CommandLineTests {
    @Test("Help names every command and option", arguments: ["--help", "-h", "help"])
    func help(word: String) throws {
        let result = try Demo.run(word)
        #expect(result.status == 0)
        #expect(result.error == "")
        for part in [
            "route --policy FILE", "check [--strict] FILE", "explain --policy FILE --rollout ID", "--version",
            "exit status",
            "keys new", "--keys FILE", "OLD NEW", "FILE OPERATION [ARGUMENT…]",
        ] {
            #expect(result.text.contains(part), "\(part)")
        }
    }

    @Test("Each command has a help of its own", arguments: ["route", "check", "explain", "plan", "edit", "keys"])
    func commandHelp(command: String) throws {
        let asked = try Demo.run(command, "--help")
        #expect(asked.status == 0)
        #expect(asked.text.hasPrefix("usage: RolloutDemo \(command) "))
        #expect(try Demo.run("help", command).text == asked.text)
    }

    @Test("The version is one line")
    func version() throws {
        let result = try Demo.run("--version")
        #expect(result.status == 0)
        #expect(result.lines.count == 1)
        #expect(result.text.hasPrefix("RolloutDemo "))
    }

    @Test(
        "What cannot be understood ends with 2, what was meant, and no output",
        arguments: [
            (["rout"], #"unknown command "rout"; did you mean "route"?"#),
            (["chekc", "x"], #"unknown command "chekc"; did you mean "check"?"#),
            (["frobnicate"], #"unknown command "frobnicate"; there is "route", "check", "explain", "plan""#),
            ([""], #"unknown command """#),
            (["--hepl"], #"unknown option "--hepl"; did you mean "--help"?"#),
            (["--versoin"], #"unknown option "--versoin"; did you mean "--version"?"#),
            (["help", "explian"], #"unknown command "explian"; did you mean "explain"?"#),
            (["route", "--polcy", "x"], #"unknown option "--polcy"; did you mean "--policy"?"#),
            (["route", "--policy", "x", "-q"], #"unknown option "-q""#),
            (["route", "--quite", "--policy", "x"], #"unknown option "--quite"; did you mean "--quiet"?"#),
            (["route"], "--policy FILE is missing"),
            (["route", "--policy"], "--policy FILE: the value is missing"),
            (["route", "--policy", "--quiet"], "--policy FILE: the value is missing"),
            (["route", "--policy", "a", "--policy=b"], "--policy is given twice"),
            (["route", "--policy", "a", "--quiet=yes"], "--quiet takes no value"),
            (["route", "--policy", "a", "b", "c"], #"unexpected "c""#),
            (["check"], "FILE is missing"),
            (["check", "a", "b"], #"unexpected "b""#),
            (["explain", "--policy", "a"], "--rollout ID is missing"),
            (["plna", "a", "b"], #"unknown command "plna"; did you mean "plan"?"#),
            (["plan", "a"], "NEW is missing"),
            (["plan", "a", "b", "c"], #"unexpected "c""#),
            (["plan", "a", "b", "--jsn"], #"unknown option "--jsn"; did you mean "--json"?"#),
            (["edit", "a"], "OPERATION is missing"),
            (["keys"], "new is missing"),
            (["keys", "nwe"], #"unknown operation "nwe"; did you mean "new"?"#),
            (["keys", "new", "7"], #"unexpected "7""#),
        ]
    )
    func misunderstood(arguments: [String], message: String) throws {
        let result = try Demo.run(arguments, input: [])
        #expect(result.status == 2)
        #expect(result.text == "")
        #expect(result.error.contains(message), "\(result.error)")
        #expect(result.error.hasPrefix("RolloutDemo: "))
    }

    @Test("A time is an integer", arguments: ["soon", "1.5", "", "9223372036854775808"])
    func badTime(text: String) throws {
        let result = try Demo.run("route", "--policy", Recorded.policy, "--now", text)
        #expect(result.status == 2)
        #expect(result.error.contains("--now needs an integer, found \"\(text)\""))
    }

    @Test("Options stand anywhere, with a blank or an equals sign, and end at --")
    func spellings() throws {
        let folder = try TemporaryFolder()
        let requests = try folder.path("--quiet", #"{"unit":"alice"}"#)
        let plain = try Demo.run("route", "--policy", Recorded.policy, requests)
        #expect(plain.lines.count == 1)
        #expect(try Demo.run("route", requests, "--policy=\(Recorded.policy)", "--now", "-1").text == plain.text)
        let script = #"cd "$1" && "$0" route --policy="$2" -- --quiet"#
        let operand = try Demo.shell(script, folder.path, Recorded.policy)
        #expect(operand.text == plain.text)
        #expect(operand.error == plain.error)
    }

    @Test("A word that is not UTF-8 is refused, not repaired")
    func brokenWord() throws {
        let script = #""$0" explain --policy "$1" --rollout sms --unit "$(printf 'a\377')""#
        let result = try Demo.shell(script, Recorded.policy)
        #expect(result.status == 2)
        #expect(result.error.contains("word 7 of the command line is no UTF-8"))
    }
}
