/// How many tokens of one request have lost, by cause: four bits a cause, for at most five losses.
struct LossTally {
    private var counts: UInt64 = 0

    var isEmpty: Bool { counts == 0 }

    /// Among the causes counted the one that is looked for last: that of the token that came furthest.
    var furthest: TokenLoss? {
        isEmpty ? nil : TokenLoss(rawValue: UInt8((63 - counts.leadingZeroBitCount) / 4))
    }

    mutating func count(_ loss: TokenLoss) { counts += 1 << (4 * UInt64(loss.rawValue)) }

    subscript(loss: TokenLoss) -> Int { Int(counts >> (4 * UInt64(loss.rawValue)) & 15) }
}
