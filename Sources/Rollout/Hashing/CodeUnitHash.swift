/// A hash that takes one byte or code unit after the other.
protocol CodeUnitHash: StreamedHash {
    mutating func add(_ unit: UInt32)

    /// Takes the eight bytes at a place.
    mutating func addEight(of bytes: UnsafeRawBufferPointer, at place: Int)
}

extension CodeUnitHash {
    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) { unsafe self = appending(bytes) }

    /// Behind a call that passes the hash in registers, so that the loop does not press on those of the caller.
    @inline(never)
    func appending(_ bytes: UnsafeRawBufferPointer) -> Self {
        var hash = self
        var place = 0
        while bytes.count &- place >= 16 {
            unsafe hash.addEight(of: bytes, at: place)
            unsafe hash.addEight(of: bytes, at: place &+ 8)
            place &+= 16
        }
        if bytes.count &- place >= 8 {
            unsafe hash.addEight(of: bytes, at: place)
            place &+= 8
        }
        if bytes.count &- place >= 4 {
            unsafe hash.addFour(of: bytes, at: place)
            place &+= 4
        }
        while place < bytes.count {
            unsafe hash.add(UInt32(truncatingIfNeeded: bytes.byte(at: place)))
            place &+= 1
        }
        return hash
    }

    @inline(__always)
    mutating func addEight(of bytes: UnsafeRawBufferPointer, at place: Int) {
        unsafe addFour(of: bytes, at: place)
        unsafe addFour(of: bytes, at: place &+ 4)
    }

    /// Takes the four bytes at a place, by a load each: shifting them out of a word takes one instruction more.
    @inline(__always)
    private mutating func addFour(of bytes: UnsafeRawBufferPointer, at place: Int) {
        for byte in 0..<4 { unsafe add(UInt32(truncatingIfNeeded: bytes.byte(at: place &+ byte))) }
    }

    @inline(__always)
    mutating func append(_ word: UInt64, count: Int) {
        if count == 8 { return add(bytesOf: word) }
        var word = word
        for _ in 0..<count {
            add(UInt32(truncatingIfNeeded: word & 0xFF))
            word = word &>> 8
        }
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
    mutating func add(scalarsOf text: UnsafeRawBufferPointer, asUTF16: Bool) {
        var parser = Unicode.UTF8.ForwardParser()
        var bytes = unsafe text.makeIterator()
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
