import Rollout

/// Operations that say what the variants are.
extension EditOperation {
    static let transitions: [EditOperation] = [
        EditOperation(
            name: "promote",
            arguments: "ID",
            summary: "the canary becomes the stable release for everybody"
        ) { words throws(Stop) in
            let id = try words.id()
            return { policy throws(EditError) in try policy.promote(id) }
        },
        EditOperation(
            name: "abort",
            arguments: "ID",
            summary: "takes a canary or a shadow back at once, whatever host, force or cookie a request brings"
        ) { words throws(Stop) in
            let id = try words.id()
            return { policy throws(EditError) in try policy.abort(id) }
        },
        EditOperation(
            name: "start-canary",
            arguments: "ID PERCENT COMPONENT=VERSION…",
            summary: "a canary with this release beside the one that runs"
        ) { words throws(Stop) in
            let (id, share, release) = (try words.id(), try words.share(), try words.release())
            return { policy throws(EditError) in try policy.startCanary(of: id, serving: release, to: share) }
        },
        EditOperation(
            name: "start-shadow",
            arguments: "ID PERCENT COMPONENT=VERSION…",
            summary: "copies of that share of the requests to a shadow with this release"
        ) { words throws(Stop) in
            let (id, share, release) = (try words.id(), try words.share(), try words.release())
            return { policy throws(EditError) in try policy.startShadow(of: id, serving: release, to: share) }
        },
        EditOperation(
            name: "promote-shadow",
            arguments: "ID",
            summary: "the shadow becomes the release that answers everybody"
        ) { words throws(Stop) in
            let id = try words.id()
            return { policy throws(EditError) in try policy.promoteShadow(id) }
        },
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
