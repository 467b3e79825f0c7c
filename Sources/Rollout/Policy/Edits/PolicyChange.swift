/// Something that one policy says and another one says otherwise, and what that means for requests.
public struct PolicyChange: Sendable {
    /// Where it stands, from the rollout or the policy on: `sticky.cookie`, `hosts["canary.local"]`, `revision`.
    ///
    /// A variant that only the old policy has is named by its place there, all else by its place in the new one.
    public var path: String { place.description }
    /// What that means, as a clause: `the cookie is renamed: live sessions are drawn anew`.
    public let text: String

    let place: JSONPath
    /// The values, null if there is none.
    let values: (old: JSONTree, new: JSONTree)

    /// The old value as canonical JSON; `null` if there was none.
    public var old: String { values.old.canonicalText }

    /// The new value as canonical JSON; `null` if there is none.
    public var new: String { values.new.canonicalText }
}

extension PolicyChange: Hashable {
    /// Whether both name the same place, the same values and the same meaning.
    public static func == (left: PolicyChange, right: PolicyChange) -> Bool {
        left.place == right.place && left.text == right.text && left.values.old.says(the: right.values.old)
            && left.values.new.says(the: right.values.new)
    }

    /// Feeds the place and the values.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(place)
        hasher.combine(values.old.canonicalBytes)
        hasher.combine(values.new.canonicalBytes)
    }
}

extension PolicyChange: CustomStringConvertible {
    /// Place, values and meaning: `sticky.cookie: "v" -> "w": the cookie is renamed: live sessions are drawn anew`.
    public var description: String { "\(path): \(Self.cut(old)) -> \(Self.cut(new)): \(text)" }

    private static func cut(_ text: String) -> String { JSONExcerpt.line(of: Array(text.utf8)[...]) }
}

extension PolicyChange {
    /// The change as an object of `path`, `old`, `new` and `text`.
    var tree: JSONTree {
        .object([("path", .string(path)), ("old", values.old), ("new", values.new), ("text", .string(text))])
    }
}

extension RolloutPolicy {
    /// What changes apart from the rollouts if another policy follows this one.
    func changes(to next: RolloutPolicy) -> [PolicyChange] {
        var changes: [PolicyChange] = []
        if revision != next.revision {
            let values = (JSONTree.integer(Int(revision)), JSONTree.integer(Int(next.revision)))
            changes.append(PolicyChange(text: "decisions and new cookies carry it", place: "revision", values: values))
        }
        let environments = (environment.map(JSONTree.string) ?? .null, next.environment.map(JSONTree.string) ?? .null)
        if !environments.0.says(the: environments.1) {
            changes.append(
                PolicyChange(text: "the status shows another label", place: "environment", values: environments)
            )
        }
        let epochs = (PolicyWriter.epochs(removed), PolicyWriter.epochs(next.removed))
        if removed != next.removed {
            let text = "what may come back, and above which epoch, is remembered otherwise"
            changes.append(PolicyChange(text: text, place: "removed", values: epochs))
        }
        return changes
    }
}
