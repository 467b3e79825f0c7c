/// A share as a bar of block characters, in eighths of a character.
func bar(_ part: Int, of whole: Int, width: Int = 24) -> String {
    guard whole > 0 else { return "" }
    let eighths = Int(Double(part) / Double(whole) * Double(width * 8) + 0.5)
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    return String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
}
