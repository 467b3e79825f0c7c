import Rollout

/// What the tour's stations share: the policy, the requests, and the page they are shown on.
struct Stage {
    struct Request {
        let unit: String?
        let host: String?
    }

    let policy: RolloutPolicy
    let requests: [Request]
    /// Every unit of the log once, in the order of appearance.
    let units: [String]

    private var output = Output.standard
    private let isStyled = Style.isWelcome

    init() throws(Stop) {
        do throws(PolicyError) {
            policy = try RolloutPolicy(json: recordedPolicy)
        } catch {
            throw .unusable("the built-in policy is invalid\n\(error)")
        }
        var requests: [Request] = []
        do throws(RequestLine.Problem) {
            for line in recordedLog.utf8.split(separator: UInt8(ascii: "\n")) {
                let request = try RequestLine(Array(line))
                requests.append(Request(unit: request.unit?.text, host: request.host))
            }
        } catch {
            throw .unusable("the built-in log is invalid: \(error.message)")
        }
        var seen: Set<UnitID> = []
        self.requests = requests
        units = requests.compactMap(\.unit).filter { seen.insert(UnitID($0)).inserted }
    }

    /// A router that runs a policy of the tour.
    func router(_ policy: RolloutPolicy) throws(Stop) -> RolloutRouter {
        do throws(PolicyError) {
            return try RolloutRouter(policy: policy)
        } catch {
            throw .unusable("the policy is invalid\n\(error)")
        }
    }

    /// A rollout of a router, which the built-in policy has.
    func rollout(_ id: RolloutID, of router: RolloutRouter) throws(Stop) -> RolloutHandle {
        guard let handle = router.rollout(id) else { throw .unusable("the built-in policy lacks the rollout \(id)") }
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
