extension PolicyValidator {
    /// Checks that the parts of a bucketing go together.
    mutating func check(_ bucketing: Bucketing, at path: JSONPath) {
        let hash = bucketing.hash
        for (key, _) in PolicyWriter.members(of: bucketing) where hash.meaninglessKeys.contains(key) {
            report(.badBucketing, at: path.appending(key), hash.isMeaningless(key))
        }
        if let buckets = bucketing.buckets {
            check(buckets, in: PolicyLimits.buckets, at: path.appending("buckets"))
        } else if hash == .integer {
            report(.missing, at: path, "\"integer\" needs \"buckets\", among which it divides the units")
        } else if bucketing.reduction != .remainder {
            report(.badBucketing, at: path.appending("reduce"), Bucketing.reducesNothing)
        }
        if hash == .integer { return }
        if hash.isDigest { check(bucketing.bits, in: PolicyLimits.digestBits, at: path.appending("bits")) }
        checkText(of: bucketing, at: path.appending("text"))
        checkEncoding(of: bucketing, at: path.appending("encoding"))
    }

    private mutating func checkText(of bucketing: Bucketing, at path: JSONPath) {
        let lengths = 1...PolicyLimits.textBytes
        guard lengths ~= bucketing.text.utf8.count else {
            return report(
                .badText,
                at: path,
                "expected a text of \(spelled(lengths)) bytes, found \(grouped(bucketing.text.utf8.count)) bytes"
            )
        }
        let count = bucketing.text.unitPlaces.count
        if count != 1 {
            report(
                .badText,
                at: path,
                "expected a text with \"{unit}\" in exactly one place, found \(quoted(bucketing.text)) with "
                    + (count == 0 ? "none" : "\(count)")
            )
        }
    }

    private mutating func checkEncoding(of bucketing: Bucketing, at path: JSONPath) {
        let encoding = bucketing.encoding
        switch encoding {
        case .utf8, .cbor: break
        case .utf16, .utf32:
            if bucketing.hash.takesCodeUnits { return }
            let hashes = alternatives(Bucketing.Hash.allCases.filter(\.takesCodeUnits).map(\.rawValue))
            report(
                .badBucketing,
                at: path,
                "\"\(encoding.rawValue)\" needs a hash that takes code units, \(hashes), "
                    + "found \"\(bucketing.hash.rawValue)\", which takes bytes"
            )
        case .cborPair:
            if bucketing.parts.suffix.isEmpty { return }
            report(
                .badBucketing,
                at: path,
                "\"cbor-pair\" is what stands before the unit, and the unit: expected nothing after \"{unit}\", "
                    + "found \(quoted(bucketing.parts.suffix))"
            )
        }
    }
}
