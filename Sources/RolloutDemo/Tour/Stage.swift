import Rollout

/// What the stations of the tour share: the policy, the requests, and the page they write on.
struct Stage {
    struct Request {
        let unit: String?
        let host: String?
    }

    let policy: RolloutPolicy
    let requests: [Request]
    /// Every unit of the log once, in order of appearance.
    let units: [String]

    private var output = Output.standard
    private let isStyled = Style.isWelcome

    init() throws(Stop) {
        policy = try RolloutPolicy(at: Self.recorded("strategies.json"))
        let log = try Input(Self.recorded("access.jsonl"))
        defer { log.close() }
        var lines = LineReader(log)
        var requests: [Request] = []
        while case .bytes(let line) = try lines.next(beforeWaiting: {}) {
            do throws(RequestLine.Problem) {
                let request = try RequestLine(line)
                requests.append(Request(unit: request.unit?.text, host: request.host))
            } catch {
                throw .unusable("\(log.name): \(error.message)")
            }
        }
        var seen: Set<UnitID> = []
        self.requests = requests
        units = requests.compactMap(\.unit).filter { seen.insert(UnitID($0)).inserted }
    }

    /// The path of a recorded file in the source tree that the program was built from.
    ///
    /// The files are not built in. A resource would need Foundation, and as a literal of 125,000 bytes the log would
    /// take the compiler longer than all the rest of the package.
    private static func recorded(_ name: String) -> String {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        return (parts + ["Recorded", Substring(name)]).joined(separator: "/")
    }

    /// A router that runs a policy of the tour.
    func router(_ policy: RolloutPolicy) throws(Stop) -> RolloutRouter {
        do throws(PolicyError) {
            return try RolloutRouter(policy: policy)
        } catch {
            throw .unusable("the policy is invalid\n\(error)")
        }
    }

    /// A rollout of a router.
    func rollout(_ id: RolloutID, of router: RolloutRouter) throws(Stop) -> RolloutHandle {
        guard let handle = router.rollout(id) else { throw .unusable("the policy of the tour has no rollout \(id)") }
        return handle
    }

    // MARK: The page

    mutating func title(_ text: String) {
        output.append(line: "")
        output.append(line: styled(text, .bold))
        output.append(line: "")
    }

    mutating func say(_ text: String, _ style: Style? = nil) { output.append(line: styled(text, style)) }

    mutating func show(_ table: Table) {
        for line in table.lines(styled: isStyled) { output.append(line: line) }
    }

    mutating func flush() throws(Stop) { try output.flush() }

    private func styled(_ text: String, _ style: Style?) -> String {
        guard isStyled, let style else { return text }
        return style.applied(to: text)
    }
}

extension Table {
    /// Adds a row of headings.
    mutating func head(_ titles: String...) { add(titles.map { Cell($0, .dim) }) }
}
