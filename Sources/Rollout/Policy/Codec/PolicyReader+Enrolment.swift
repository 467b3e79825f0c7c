extension PolicyReader {
    mutating func enrolment(_ value: JSONValue) -> [EnrolmentDraw] {
        guard checkKind(value, .array) else { return [] }
        return value.elements.compactMap { enrolmentDraw($0) }
    }

    private mutating func enrolmentDraw(_ value: JSONValue) -> EnrolmentDraw? {
        let functions = ["layer", "salt", "bucketing"]
        guard checkObject(value, keys: functions + ["ranges"]) else { return nil }
        let stated = functions.filter { value[$0] != nil }
        let ranges = required("ranges", of: value).map { self.ranges($0) } ?? []
        guard stated.count == 1 else {
            let found = stated.isEmpty ? "none of them" : stated.map { "\"\($0)\"" }.joined(separator: " and ")
            report(.badEnrolment, at: value, "expected one of \(alternatives(functions)) to draw by, found \(found)")
            return nil
        }
        if let layer = value["layer"] {
            let name: LayerName? = name(layer)
            return name.map { .layer($0, in: ranges) }
        }
        if let salt = value["salt"] { return text(salt).map { .salt($0, in: ranges) } }
        return value["bucketing"].flatMap { bucketing($0) }.map { .bucketing($0, in: ranges) }
    }

    private mutating func ranges(_ value: JSONValue) -> [Range<Int>] {
        guard checkKind(value, .array) else { return [] }
        return value.elements.compactMap { range in
            let parts = Array(range.elements)
            guard range.kind == .array, parts.count == 2 else {
                report(.wrongType, at: range, "expected [from, to], found \(range.excerpt)")
                return nil
            }
            let buckets = 0...Share.bucketCount
            guard let lower = integer(parts[0], in: buckets), let upper = integer(parts[1], in: buckets) else {
                return nil
            }
            guard lower <= upper else {
                report(
                    .badEnrolment,
                    at: range,
                    "expected a range that does not end before it starts, found [\(lower), \(upper))"
                )
                return nil
            }
            return lower..<upper
        }
    }
}
