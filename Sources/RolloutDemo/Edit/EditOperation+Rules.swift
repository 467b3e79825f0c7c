import Rollout

/// Operations for single units and single variants.
extension EditOperation {
    static let rules: [EditOperation] = [
        EditOperation(
            name: "force",
            arguments: "ID UNIT VARIANT",
            summary: "forces a unit to a variant"
        ) { words throws(Stop) in
            let (id, unit, variant) = (try words.id(), try words.unit(), try words.variant())
            return { policy throws(EditError) in try policy.force(unit, to: variant, in: id) }
        },
        EditOperation(
            name: "unforce",
            arguments: "ID UNIT",
            summary: "gives a forced unit back to the draw"
        ) { words throws(Stop) in
            let (id, unit) = (try words.id(), try words.unit())
            return { policy throws(EditError) in try policy.unforce(unit, in: id) }
        },
        .onVariant(
            "disable",
            "takes a variant out of service at once; the first variant serves in its place"
        ) { policy, id, variant throws(EditError) in try policy.disable(variant, in: id) },
        .onVariant(
            "enable",
            "puts a disabled variant back"
        ) { policy, id, variant throws(EditError) in try policy.enable(variant, in: id) },
        .onVariant(
            "drain",
            "lets nobody new into a variant; live assignments keep it"
        ) { policy, id, variant throws(EditError) in try policy.drain(variant, in: id) },
        .onVariant(
            "undrain",
            "lets units be drawn into a draining variant again"
        ) { policy, id, variant throws(EditError) in try policy.undrain(variant, in: id) },
    ]
}
