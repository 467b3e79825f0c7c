extension RolloutDefinition {
    /// What the strategy says.
    func strategyProperties(beside other: RolloutStrategy, on otherGrid: BucketGrid) -> [Property] {
        let path: JSONPath = "strategy"
        var properties = [
            Property(path.appending("type"), .string(strategy.kind.rawValue), "the rollout has another strategy"),
            Property(
                "first",
                at: strategy.kind == .abTest ? path.appending("variants").appending(0).appending("name") : path,
                .string(strategy.variants.first?.name.text ?? ""),
                "another variant is the first, which serves in place of all others"
            ),
        ]
        let renamed = strategy.places(renamedIn: other)
        for (index, place) in strategy.releasePaths(from: JSONPath()).enumerated() {
            let variant = strategy.variants[index]
            guard renamed.contains(index) else {
                properties.append(release(of: variant, at: place))
                continue
            }
            properties.append(
                Property(place, PolicyWriter.tree(of: variant.release), "\"\(variant.name)\" serves another release")
            )
            let name = path.appending("variants").appending(index).appending("name")
            properties.append(
                Property(name, .string(variant.name.text)) { old, new in
                    "\(new.canonicalText) stands in place of \(old.canonicalText), whose cookies lose"
                }
            )
        }
        switch strategy {
        case .fixed: break
        case .canary(let share, _, _):
            properties.append(
                Property(
                    path.appending("percent"),
                    .number(share.percentText)
                ) { old, new in
                    Self.share("of the units gets the canary", old, new, isOther: other.kind != .canary)
                }
            )
        case .shadow(let share, _, _):
            properties.append(
                Property(
                    path.appending("percent"),
                    .number(share.percentText)
                ) { old, new in
                    Self.share("of the requests is copied", old, new, isOther: other.kind != .shadow)
                }
            )
        case .abTest(let test): properties += testProperties(test, beside: other, on: otherGrid)
        }
        return properties
    }

    private static func share(_ whom: String, _ old: JSONTree, _ new: JSONTree, isOther: Bool) -> String {
        if new.isNull { return "the strategy has no share any more" }
        return (old.isNull || isOther ? "this share " : "another share ") + whom
    }

    private func release(of variant: (name: VariantName, release: Release), at place: JSONPath) -> Property {
        Property(
            JSONPath([.key("release"), .key(variant.name.text)]),
            at: place,
            PolicyWriter.tree(of: variant.release)
        ) { old, new in
            if old.isNull { return "there is a variant \"\(variant.name)\"" }
            if new.isNull { return "\"\(variant.name)\" is gone, and its cookies lose" }
            return "\"\(variant.name)\" serves another release"
        }
    }

    private func testProperties(
        _ test: RolloutStrategy.ABTest,
        beside other: RolloutStrategy,
        on otherGrid: BucketGrid
    ) -> [Property] {
        let path: JSONPath = "strategy"
        let others = VariantNames(other)
        let both = test.variants.map(\.name).filter(others.contains)
        var properties = [
            Property(
                path.appending("coverage"),
                .number(test.coverage.percentText)
            ) { old, new in
                if new.isNull { return "the strategy has no coverage any more" }
                return old.isNull ? "this share of the units is enrolled" : "another share of the units is enrolled"
            },
            Property(
                path.appending("allocation"),
                test.allocation.map { .array($0.map { PolicyWriter.tree(of: $0) }) } ?? .null
            ) { _, _ in
                guard case .abTest(let earlier) = other else { return "the ranges go or come with the strategy" }
                return OwnedRanges(earlier, on: otherGrid).written == OwnedRanges(test, on: grid).written
                    ? "the same ranges of buckets are written in another way" : "buckets have other owners"
            },
        ]
        let renamed = strategy.places(renamedIn: other)
        for index in renamed.sorted() {
            let variant = test.variants[index]
            let place = path.appending("variants").appending(index).appending("weight")
            properties.append(Property(place, .integer(variant.weight), "\"\(variant.name)\" has another weight"))
        }
        for (index, variant) in test.variants.enumerated() where others.contains(variant.name) {
            let place = path.appending("variants").appending(index).appending("weight")
            properties.append(
                Property(JSONPath([.key("weight"), .key(variant.name.text)]), at: place, .integer(variant.weight)) {
                    old,
                    _ in
                    old.isNull ? "\"\(variant.name)\" has a weight" : "\"\(variant.name)\" has another weight"
                }
            )
        }
        if case .abTest = other {
            properties.append(
                Property(
                    "order",
                    at: path.appending("variants"),
                    .array(both.map { .string($0.text) }),
                    "the variants stand in another order, in which their buckets are laid out if no ranges are written"
                )
            )
        }
        return properties
    }
}

extension RolloutStrategy {
    /// The places, but the first, at which two tests have different variants that the other test does not have at all.
    fileprivate func places(renamedIn other: RolloutStrategy) -> Set<Int> {
        guard case .abTest(let test) = self, case .abTest(let next) = other else { return [] }
        let (names, others) = (VariantNames(self), VariantNames(other))
        let places = zip(test.variants, next.variants).enumerated().filter { _, pair in
            !others.contains(pair.0.name) && !names.contains(pair.1.name)
        }
        return Set(places.map(\.offset)).subtracting([0])
    }
}
