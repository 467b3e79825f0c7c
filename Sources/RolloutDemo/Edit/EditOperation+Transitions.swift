import Rollout

/// Operations that say what the variants are.
extension EditOperation {
    static let transitions: [EditOperation] = [
        .onRollout(
            "promote",
            "the canary becomes the stable release for everybody"
        ) { policy, id throws(EditError) in try policy.promote(id) },
        .onRollout(
            "abort",
            "takes a canary or a shadow back at once, whatever host, force or cookie a request brings"
        ) { policy, id throws(EditError) in try policy.abort(id) },
        .start(
            "start-canary",
            "a canary with this release beside the one that runs"
        ) { policy, id, release, share throws(EditError) in
            try policy.startCanary(of: id, serving: release, to: share)
        },
        .start(
            "start-shadow",
            "copies of that share of the requests to a shadow with this release"
        ) { policy, id, release, share throws(EditError) in
            try policy.startShadow(of: id, serving: release, to: share)
        },
        .onRollout(
            "promote-shadow",
            "the shadow becomes the release that answers everybody"
        ) { policy, id throws(EditError) in try policy.promoteShadow(id) },
        EditOperation(
            name: "release",
            arguments: "ID VARIANT COMPONENT=VERSION…",
            summary: "another release for a variant: blue and green are two of them"
        ) { words throws(Stop) in
            let (id, variant, release) = (try words.id(), try words.variant(), try words.release())
            return { policy throws(EditError) in try policy.setRelease(of: variant, in: id, to: release) }
        },
        EditOperation(
            name: "salt",
            arguments: "ID [SALT]",
            summary: "another salt, so that every unit is drawn anew; without one, the id"
        ) { words throws(Stop) in
            let (id, salt) = (try words.id(), words.next())
            return { policy throws(EditError) in try policy.setSalt(of: id, to: salt) }
        },
    ]
}
