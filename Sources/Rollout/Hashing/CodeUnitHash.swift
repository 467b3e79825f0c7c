/// A hash that takes one byte or code unit after the other.
protocol CodeUnitHash: BlockHash where Value == UInt32 {
    var value: UInt32 { get }

    mutating func add(_ unit: UInt32)
}

/// Over bytes it is fed with blocks, as others are.
extension CodeUnitHash {
    @inline(__always)
    mutating func absorb(_ bytes: UnsafeRawBufferPointer) {
        for place in 0..<MessageBlock.size { unsafe add(UInt32(truncatingIfNeeded: bytes.byte(at: place))) }
    }

    @inline(__always)
    consuming func end(_ block: inout MessageBlock, count: Int) -> UInt32 {
        unsafe block.withBytes { bytes in
            for place in 0..<(count & 63) { unsafe add(UInt32(truncatingIfNeeded: bytes.byte(at: place))) }
        }
        return value
    }
}

extension CodeUnitHash {
    /// Takes the UTF-16 code units, or the scalars, of a text in UTF-8. What is no UTF-8 counts as U+FFFD, as in `String`.
    @inline(__always)
    mutating func add(codeUnitsOf text: UnsafeRawBufferPointer, asUTF16: Bool) {
        var place = 0
        // Nearly all ids are ASCII, whose bytes are code units. place < text.count.
        while place < text.count {
            let byte = unsafe text.byte(at: place)
            if byte >= 0x80 { return unsafe add(scalarsOf: text, from: place, asUTF16: asUTF16) }
            add(UInt32(truncatingIfNeeded: byte))
            place &+= 1
        }
    }

    @inline(never)
    private mutating func add(scalarsOf text: UnsafeRawBufferPointer, from start: Int, asUTF16: Bool) {
        var parser = Unicode.UTF8.ForwardParser()
        var bytes = unsafe text[start...].makeIterator()
        while true {
            switch unsafe parser.parseScalar(from: &bytes) {
            case .valid(let scalar): add(Unicode.UTF8.decode(scalar), asUTF16: asUTF16)
            case .error: add("\u{FFFD}", asUTF16: asUTF16)
            case .emptyInput: return
            }
        }
    }

    private mutating func add(_ scalar: Unicode.Scalar, asUTF16: Bool) {
        if asUTF16 {
            for unit in scalar.utf16 { add(UInt32(unit)) }
        } else {
            add(scalar.value)
        }
    }
}
