/// What a worker gets.
enum ShadowWork: Sendable {
    case alone(@Sendable () async throws -> Void)
    /// A copy that, once it has answered, says how to judge the answer.
    case compared(@Sendable () async throws -> @Sendable (ShadowJudge) async -> Void)
}

/// Compares one copy's answer, counts the result, and keeps the difference.
struct ShadowJudge: Sendable {
    let variant: Decision.Variant
    let state: ShadowState

    /// Judges the answer of the copy, then the second answer of the primary if there is to be one.
    func judge<Answer: Sendable>(
        _ copy: Answer,
        against answer: Answer,
        by agrees: (Answer, Answer) throws -> Bool,
        _ difference: ((Answer, Answer) -> String)?,
        _ baseline: (@Sendable () async throws -> Answer)?
    ) async {
        do {
            let isGood = try agrees(answer, copy)
            count(isGood ? .agreed : .differed)
            if !isGood, let difference { keep(difference(answer, copy)) }
        } catch {
            count(.unjudged)
        }
        guard let baseline, !Task.isCancelled else { return }
        do {
            count(try await agrees(answer, baseline()) ? .baselineAgreed : .baselineDiffered)
        } catch {
            count(.baselineUnjudged)
        }
    }

    private func count(_ event: ShadowTally.Event) { state.tallies[variant.number].count(event) }

    private func keep(_ text: String) {
        let difference = ShadowDifference(variant: variant, text: text)
        state.differences.withLock { differences in
            if differences.count == ShadowDifference.most { differences.removeFirst() }
            differences.append(difference)
        }
    }
}

/// How the answer of a copy differed from the primary's.
public struct ShadowDifference: Hashable, Sendable {
    /// How many a runner keeps.
    static let most = 16
    /// The most bytes of a text that are kept.
    static let length = 1_024

    /// The shadow variant that the copy went to.
    public let variant: Decision.Variant
    /// What the service made of the two answers: its first characters that together take up to 1,024 bytes.
    public let text: String

    /// Cuts the text, and copies it, so that no long one is kept in memory.
    init(variant: Decision.Variant, text: String) {
        self.variant = variant
        var room = Self.length
        let kept = text.prefix { character in
            room -= character.utf8.count
            return room >= 0
        }
        self.text = String(kept)
    }
}
