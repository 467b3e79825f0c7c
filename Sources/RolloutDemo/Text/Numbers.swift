/// A part of a whole in percent with two decimals, rounded half up: `9.87 %`; of nothing, a dash.
func percent(_ part: Int, of whole: Int) -> String {
    guard whole > 0 else { return "-" }
    let hundredths = (Double(part) / Double(whole) * 10_000 + 0.5)
    return fixed(Int(hundredths), decimals: 2) + " %"
}

/// An integer that counts units of 10^-decimals: `fixed(987, decimals: 2)` is `9.87`.
func fixed(_ number: Int, decimals: Int) -> String {
    var digits = String(number.magnitude)
    while digits.utf8.count <= decimals { digits = "0" + digits }
    let text = digits.dropLast(decimals) + "." + digits.suffix(decimals)
    return (number < 0 ? "-" : "") + text
}
