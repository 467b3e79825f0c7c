import Foundation
import Testing

/// The files of `Tests/RolloutTests/Vectors`, each of which says how it was made.
enum HashVectors {
    static let xxh3 = read("xxh3.json", as: XXH3Vectors.self)
    static let sha256 = read("sha256.json", as: SHA256Vectors.self)
    static let hmac = read("hmac-sha256.json", as: HMACVectors.self)

    /// The bytes of the files' rule `data`.
    static func data(_ count: Int) -> [UInt8] {
        (0..<count).map { index in
            UInt8(truncatingIfNeeded: ((index * index + 7 * index + count) * 167) >> 3)
        }
    }

    /// The key and the message of the rule `pair` in `hmac-sha256.json`.
    static func pair(_ number: Int) -> (key: [UInt8], message: [UInt8]) {
        var state = UInt64(number) &* 0x9E37_79B9_7F4A_7C15
        func next() -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33)
        }
        func take(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
        let key = take(next() % 131)
        let message = take(next() % 301)
        return (key, message)
    }

    static func read<Vectors: Decodable>(_ name: String, as type: Vectors.Type) -> Vectors {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        do {
            let data = try Data(contentsOf: folder.appending(path: "Vectors/\(name)"))
            return try JSONDecoder().decode(type, from: data)
        } catch {
            fatalError("cannot read the vectors in \(name): \(error)")
        }
    }
}

struct XXH3Vectors: Decodable {
    let lengths: [HashedLength]
    let texts: [HashedText]
}

struct SHA256Vectors: Decodable {
    let lengths: [HashedLength]
    let digestOfDigests: String
}

struct HMACVectors: Decodable {
    let starts: [String]
    let digestOfTags: String
}

struct HashedLength: Decodable, Sendable, CustomTestStringConvertible {
    let length: Int
    let hash: String
    var testDescription: String { "\(length) bytes" }

    init(from decoder: any Decoder) throws {
        var row = try decoder.unkeyedContainer()
        length = try row.decode(Int.self)
        hash = try row.decode(String.self)
    }
}

struct HashedText: Decodable, Sendable, CustomTestStringConvertible {
    let text: String
    let hash: String
    var testDescription: String { text.debugDescription }

    init(from decoder: any Decoder) throws {
        var row = try decoder.unkeyedContainer()
        text = try row.decode(String.self)
        hash = try row.decode(String.self)
    }
}

/// Lower-case hexadecimal digits of a number, as Python prints a hash.
func hexadecimal(_ hash: UInt64) -> String {
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

/// Lower-case hexadecimal digits, two a byte.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
}
