import Foundation
import Testing

@testable import Rollout

/// What `Vectors/statistics.json` holds; the file says where it comes from.
struct StatisticsVectors: Decodable, Sendable {
    struct Factor: Decodable, Sendable, CustomTestStringConvertible {
        let rho, r, d: Double
        let nC, nS, fC, fS: Double
        let logE: Double

        /// JSON cannot spell minus infinity: the file has it as a string.
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            func number(_ key: CodingKeys) throws -> Double { try container.decode(Double.self, forKey: key) }
            (rho, r, d) = try (number(.rho), number(.r), number(.d))
            (nC, nS, fC, fS) = try (number(.nC), number(.nS), number(.fC), number(.fS))
            let isInfinite = try? container.decode(String.self, forKey: .logE) == "-inf"
            logE = isInfinite == true ? -.infinity : try number(.logE)
        }

        var testDescription: String { "\(rho): \(fC)/\(nC), \(fS)/\(nS), r \(r), d \(d)" }

        private enum CodingKeys: String, CodingKey {
            case rho, r, d, nC, nS, fC, fS
            case logE = "log_e"
        }
    }

    struct Sequence: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let r, d: Double
        let restartEvery: Int?
        let restartBeforeWindow: [Int]?
        let windows: [[Double]]
        let logE: [Double]
        let pValue: Double?

        var testDescription: String { name }

        private enum CodingKeys: String, CodingKey {
            case name, r, d, windows
            case restartEvery = "restart_every"
            case restartBeforeWindow = "restart_before_window"
            case logE = "log_e"
            case pValue = "p_value"
        }
    }

    struct Units: Decodable, Sendable {
        let windows: [[Double]]
        let restartBeforeWindow: [Int]
        let logE: [Double]

        private enum CodingKeys: String, CodingKey {
            case windows = "windows_w_1mw_fC_fS"
            case restartBeforeWindow = "restart_before_window"
            case logE = "log_e"
        }
    }

    struct Bandit: Decodable, Sendable {
        let successes, trials: [Int]
        let pBest, weights: [Double]
        let buckets: [Int]

        private enum CodingKeys: String, CodingKey {
            case successes, trials
            case pBest = "p_best"
            case weights = "weights_floor_0_02"
            case buckets = "buckets_10000"
        }
    }

    struct Apportionment: Decodable, Sendable {
        let weights: [Double]
        let total: Int
        let counts: [Int]
    }

    let factors: [Factor]
    let harm: [Sequence]
    let units: [Units]
    let gates: [Sequence]
    let bandit: [Bandit]
    let apportion: [Apportionment]

    private enum CodingKeys: String, CodingKey {
        case factors = "log_factor"
        case harm = "harm_sequences"
        case units = "unit_mode"
        case gates = "gate_sequences"
        case bandit, apportion
    }

    static let shared = HashVectors.read("statistics.json", as: StatisticsVectors.self)
}

/// Whether two logarithms agree to 1e-9, relative or absolute.
func agrees(_ found: Double, _ expected: Double) -> Bool {
    found == expected || abs(found - expected) <= 1e-9 * max(1, abs(expected))
}
