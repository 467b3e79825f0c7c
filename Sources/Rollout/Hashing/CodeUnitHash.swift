/// A hash that takes one byte or code unit after the other.
protocol CodeUnitHash: BlockHash where Value == UInt32 {
    var value: UInt32 { get }

    mutating func add(_ unit: UInt32)
}

/// Over bytes it is fed with blocks, as others are.
extension CodeUnitHash {
    @inline(__always)
    mutating func absorb(_ bytes: UnsafeRawBufferPointer) {
        // 8 loads of eight bytes each, which are the 64 bytes of the precondition.
        for place in 0..<8 { unsafe add(bytesOf: bytes.word64(at: 8 &* place)) }
    }

    @inline(__always)
    consuming func end(_ rest: UnsafeRawBufferPointer, count: Int) -> UInt32 {
        var place = 0
        while rest.count &- place >= 8 {
            unsafe add(bytesOf: rest.word64(at: place))
            place &+= 8
        }
        while place < rest.count {
            unsafe add(UInt32(truncatingIfNeeded: rest.byte(at: place)))
            place &+= 1
        }
        return value
    }

    /// Takes eight bytes, the first one in the lowest bits.
    @inline(__always)
    private mutating func add(bytesOf word: UInt64) {
        var word = word
        for _ in 0..<8 {
            add(UInt32(truncatingIfNeeded: word & 0xFF))
            word = word &>> 8
        }
    }
}

extension CodeUnitHash {
    /// Takes the UTF-16 code units, or the scalars, of a text in UTF-8. What is no UTF-8 counts as U+FFFD, as in `String`.
    @inline(__always)
    mutating func add(codeUnitsOf text: UnsafeRawBufferPointer, asUTF16: Bool) {
        var place = 0
        // Nearly all ids are ASCII, whose bytes are code units.
        while text.count &- place >= 8 {
            let word = unsafe text.word64(at: place)
            if word & 0x8080_8080_8080_8080 != 0 { break }
            add(bytesOf: word)
            place &+= 8
        }
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
