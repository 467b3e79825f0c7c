/// A unit in every form that a contender asks for, made beforehand.
///
/// Not copyable, so that handing its text to a contender counts no reference: the loop costs the same for all.
@safe struct Unit: ~Copyable {
    let text: String
    /// The context as Unleash's engine reads it. Building it is not measured.
    let context: UnsafePointer<CChar>

    init(_ text: String) {
        self.text = text
        let json = Array("{\"userId\":\"\(text)\"}".utf8CString)
        let memory = UnsafeMutablePointer<CChar>.allocate(capacity: json.count)
        unsafe memory.initialize(from: json, count: json.count)
        unsafe context = UnsafePointer(memory)
    }

    @inline(__always)
    borrowing func decided(by contender: some Contender) -> Bool { contender.decides(self) }
}

/// 256 units of one length, which stay in the nearest cache. They live as long as the process.
@safe struct Crowd: @unchecked Sendable {
    let bytes: Int
    private let units: UnsafeMutablePointer<Unit>
    private static let count = 256

    init(bytes: Int) {
        self.bytes = bytes
        unsafe units = .allocate(capacity: Self.count)
        for index in 0..<Self.count {
            unsafe (units + index).initialize(to: Unit(Self.text(UInt64(index), bytes)))
        }
    }

    /// How many of so many decisions, for one unit after the other, are for the canary.
    @inline(never)
    func canaries(by contender: some Contender, rounds: Int) -> Int {
        var canaries = 0
        for round in 0..<rounds where unsafe units[round & (Self.count - 1)].decided(by: contender) { canaries += 1 }
        return canaries
    }

    /// A text for each unit, from where it is copied: for contenders that take strings away with them.
    var texts: [String] { (0..<Self.count).map { unsafe units[$0].text } }

    /// Hexadecimal digits in the shape of a UUID, as many as asked for.
    private static func text(_ index: UInt64, _ bytes: Int) -> String {
        var state = index &* 0x9E37_79B9_7F4A_7C15 &+ 1
        let digits = Array("0123456789abcdef".utf8)
        let text = (0..<bytes).map { place -> UInt8 in
            state = (state ^ (state >> 29)) &* 0xBF58_476D_1CE4_E5B9
            return bytes == 36 && [8, 13, 18, 23].contains(place) ? UInt8(ascii: "-") : digits[Int(state >> 60)]
        }
        return String(decoding: text, as: UTF8.self)
    }
}
