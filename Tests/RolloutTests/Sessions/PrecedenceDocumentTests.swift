import Foundation
import Testing

@testable import Rollout

/// The truth table as `making-assignments-sticky` prints it, held against the library.
@Suite("Who decides, as documented")
struct PrecedenceDocumentTests {
    /// A row: the words of its first four cells choose requests, those of the other three say what they get.
    struct Row: Sendable, CustomTestStringConvertible {
        let cells: [String]

        var testDescription: String { cells.joined(separator: " | ") }

        /// Whether the row speaks of a request. A word that is not known here covers nothing, so some request stays without
        /// a row, and a test fails.
        func covers(_ policy: PolicyState, _ host: HostRule, _ visitor: Visitor, _ token: Token) -> Bool {
            matches(cells[0], host != .none) && matches(cells[1], visitor.isForced)
                && matches(cells[2], token, policy) && matches(cells[3], visitor, policy)
        }

        private func matches(_ cell: String, _ holds: Bool) -> Bool { cell == "any" || cell == (holds ? "yes" : "no") }

        private func matches(_ cell: String, _ token: Token, _ policy: PolicyState) -> Bool {
            switch cell {
            case "any": true
            case "of a newer epoch": token == .newerEpoch
            case "an invitation": token == .invitation && policy != .disabled
            case "names a variant, pin `variant`": token.names(heldBy: policy) && policy != .pinsBucket
            case "valid, pin `bucket`": (token == .notEnrolled || token.names(heldBy: policy)) && policy == .pinsBucket
            case "none, lost, or not enrolled":
                token != .newerEpoch && !token.names(heldBy: policy)
                    && !(token == .invitation && policy != .disabled)
                    && !(token == .notEnrolled && policy == .pinsBucket)
            default: false
            }
        }

        private func matches(_ cell: String, _ visitor: Visitor, _ policy: PolicyState) -> Bool {
            switch cell {
            case "any": true
            case "yes": visitor != .nobody
            case "no": visitor == .nobody
            case "no, `assign`": visitor == .nobody && policy != .missingFirst
            case "no, `first`": visitor == .nobody && policy == .missingFirst
            default: false
            }
        }

        var reasons: [String] { cells[5].replacing("`", with: "").components(separatedBy: " or ") }

        /// Whether some request of the row gets a cookie. That of a login does not: it is `LoginTests`' matter.
        var writes: Bool { cells[6].hasPrefix("if it is news") }
    }

    static let rows: [Row] = {
        let page = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
            .appendingPathComponent("Sources/Rollout/Rollout.docc/making-assignments-sticky.md")
        let lines = ((try? String(contentsOf: page, encoding: .utf8)) ?? "").components(separatedBy: "\n")
        guard let head = lines.firstIndex(where: { $0.hasPrefix("| host rule | forced unit | token | unit |") }) else {
            return []
        }
        return lines[(head + 2)...].prefix { $0.hasPrefix("|") }.map { line in
            Row(
                cells: line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
                    .map { $0.trimmingCharacters(in: .whitespaces) }
            )
        }
    }()

    @Test("Of every combination exactly one row speaks", arguments: PolicyState.allCases)
    func complete(_ policy: PolicyState) {
        forEachRequest { host, visitor, token in
            let rows = Self.rows.filter { $0.covers(policy, host, visitor, token) }
            #expect(rows.count == 1, "\(policy), host \(host), \(visitor), token \(token)")
        }
    }

    @Test("Every row says what the library does", arguments: rows)
    func right(_ row: Row) throws {
        try #require(row.cells.count == 7)
        var (requests, cookies) = (0, 0)
        for policy in PolicyState.allCases {
            let setting = try PrecedenceSetting(policy)
            try forEachRequest { host, visitor, token in
                guard row.covers(policy, host, visitor, token) else { return }
                requests += 1
                let answer = try setting.answer(host, visitor, token)
                if answer.setCookie != nil { cookies += 1 }
                let request = "\(policy), host \(host), \(visitor), token \(token)"
                // Of the second table: a rule that names a disabled variant gives the first one.
                let isOverruled = policy == .disabled && row.cells[4].hasSuffix("'s variant")
                let found = "\(answer.decision.reason)"
                #expect(row.reasons.contains(found) || isOverruled && found == "not_enrolled", "\(request): \(found)")
                #expect(row.writes || answer.setCookie == nil, "\(request) got a cookie")
                if row.cells[4] == "the first variant" {
                    #expect(answer.decision.variant.name == "stable", "\(request)")
                }
            }
        }
        #expect(requests > 0)
        #expect((cookies > 0) == row.writes)
    }

    private func forEachRequest(_ body: (HostRule, Visitor, Token) throws -> Void) rethrows {
        for host in HostRule.allCases {
            for visitor in Visitor.allCases {
                for token in Token.allCases { try body(host, visitor, token) }
            }
        }
    }
}

extension Visitor {
    fileprivate var isForced: Bool { self == .forcedStable || self == .forcedCanary }
}

extension Token {
    /// Whether it names a variant that the policy lets it keep. If the bucket is pinned there is nothing to lose.
    fileprivate func names(heldBy policy: PolicyState) -> Bool {
        switch self {
        case .stable: true
        case .canary, .laterRevision: policy != .disabled && policy != .evicted
        case .none, .notEnrolled, .forged, .expired, .olderEpoch, .newerEpoch, .invitation: false
        }
    }
}
