import Rollout

/// Writes decisions as lines of JSON, each with all keys in one order.
struct DecisionLine {
    private(set) var writer = JSONWriter(capacity: 1 << 17)
    /// The components of every release met, in the order of their names: sorting and interning once is enough.
    private var releases: [Decision.Variant: [(component: String, version: String)]] = [:]

    var isFull: Bool { writer.bytes.count >= 1 << 16 }

    mutating func flush(to output: inout Output) throws(Stop) { try output.flush(&writer) }

    mutating func append(
        _ decision: Decision,
        setCookie: String?,
        for unit: RequestLine.Unit?,
        in rollout: RolloutID
    ) {
        writer.beginObject()
        writer.key("rollout")
        writer.string(rollout.text)
        writer.key("unit")
        switch unit {
        case .text(let text): writer.string(text)
        case .number(let digits): writer.number(digits)
        case nil: writer.null()
        }
        append(decision.variant)
        writer.key("reason")
        writer.string(decision.reason.description)
        writer.key("bucket")
        if let bucket = decision.bucket { writer.integer(bucket) } else { writer.null() }
        writer.key("revision")
        writer.integer(Int(decision.revision))
        writer.key("shadow")
        if let shadow = decision.shadow {
            writer.beginObject()
            append(shadow)
            writer.endObject()
        } else {
            writer.null()
        }
        writer.key("setCookie")
        if let setCookie { writer.string(setCookie) } else { writer.null() }
        writer.endObject()
        writer.endLine()
    }

    private mutating func append(_ variant: Decision.Variant) {
        writer.key("variant")
        writer.string(variant.name.text)
        writer.key("release")
        writer.beginObject()
        for (component, version) in release(of: variant) {
            writer.key(component)
            writer.string(version)
        }
        writer.endObject()
    }

    private mutating func release(of variant: Decision.Variant) -> [(component: String, version: String)] {
        if let known = releases[variant] { return known }
        let release = variant.release.versions.sorted { $0.key < $1.key }.map { ($0.key.text, $0.value) }
        releases[variant] = release
        return release
    }
}
