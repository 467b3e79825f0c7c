/// Total and pure, as all of the engine: whatever the words say, there is an answer, and no index leaves the image.
extension StatedFunction {
    /// What the function makes of a unit.
    struct Result {
        /// The hash as a number of ``width`` bits, or with one more value if it is signed.
        let number: HashNumber
        /// Which of the buckets that is.
        let cell: UInt64
        /// The bucket, 0 ... 1,000,000. The last one belongs to nobody.
        let bucket: UInt64

        /// The bucket, if units are drawn from it.
        var drawn: UInt64? { bucket < UInt64(Share.bucketCount) ? bucket : nil }
    }

    /// The bucket of a unit, 0 ... 999,999, or nil if it has none.
    ///
    /// Hashes of 32 bits stay in registers. Digests and integers are behind a call, which is little beside what they cost.
    @inline(__always)
    func bucket(of unit: UnsafeRawBufferPointer) -> UInt64? {
        let parameters = image[start]
        let second = image[start &+ 1]
        guard let hash = unsafe hash(of: unit, parameters, seed: UInt32(truncatingIfNeeded: second)) else {
            return unsafe otherBucket(of: unit)
        }
        let buckets = Self.buckets(second)
        let number = Self.magnitude(hash, parameters)
        // The number has 32 bits, or 31 beside a sign: a shift takes the lowest bits of its distance. So have the buckets.
        let cell =
            Self.isScaled(parameters)
            ? (UInt64(number) &* buckets) &>> (parameters &>> 24)
            : UInt64(number % UInt32(truncatingIfNeeded: buckets))
        return Self.drawn(Self.bucket(ofCell: cell, of: buckets))
    }

    @inline(never)
    private func otherBucket(of unit: UnsafeRawBufferPointer) -> UInt64? {
        let parameters = image[start]
        let buckets = Self.buckets(image[start &+ 1])
        return unsafe otherNumber(of: unit, parameters, buckets).flatMap { number in
            Self.drawn(Self.bucket(ofCell: Self.cell(number, parameters, of: buckets), of: buckets))
        }
    }

    /// What the function makes of a unit, or nil if the unit would have to be an integer, and is none.
    func result(for unit: UnsafeRawBufferPointer) -> Result? {
        let parameters = image[start]
        let second = image[start &+ 1]
        let buckets = Self.buckets(second)
        let number: HashNumber
        if let hash = unsafe hash(of: unit, parameters, seed: UInt32(truncatingIfNeeded: second)) {
            let low = UInt64(Self.magnitude(hash, parameters))
            number = HashNumber(high: 0, low: low, width: Self.width(parameters))
        } else if let other = unsafe otherNumber(of: unit, parameters, buckets) {
            number = other
        } else {
            return nil
        }
        let cell = Self.cell(number, parameters, of: buckets)
        return Result(number: number, cell: cell, bucket: Self.bucket(ofCell: cell, of: buckets))
    }

    /// A digest, or the remainder of an integer, as a number. Nil if the unit would have to be an integer, and is none.
    @inline(__always)
    private func otherNumber(
        of unit: UnsafeRawBufferPointer,
        _ parameters: UInt64,
        _ buckets: UInt64
    ) -> HashNumber? {
        let bits: LeadingBits
        switch Code(parameters) {
        case .md5: bits = unsafe value(of: MD5(), unit, parameters)
        case .sha1: bits = unsafe value(of: SHA1(), unit, parameters)
        case .sha256: bits = unsafe value(of: SHA256.State.initial, unit, parameters)
        default:
            return unsafe IntegerUnit(unit).map { integer in
                HashNumber(high: 0, low: integer.remainder(dividingBy: buckets), width: 64)
            }
        }
        return HashNumber(bits, width: Self.width(parameters))
    }

    /// A hash of 32 bits, or nil for a digest or an integer.
    @inline(__always)
    private func hash(of unit: UnsafeRawBufferPointer, _ parameters: UInt64, seed: UInt32) -> UInt32? {
        switch Code(parameters) {
        case .murmur3: unsafe streamed(WordFeed(Murmur3(seed: seed)), unit, parameters)
        case .murmur2:
            unsafe streamed(
                WordFeed(Murmur2(seed: seed, count: count(with: unit, parameters))),
                unit,
                parameters
            )
        case .crc32: unsafe streamed(CRC32(from: seed), unit, parameters)
        case .fnv1a: unsafe unitValue(of: FNV1a(from: seed), unit, parameters)
        case .fnv1aTwice: unsafe FNV1a.value(ofDecimal: unitValue(of: FNV1a(from: seed), unit, parameters))
        case .java31: unsafe unitValue(of: Java31(), unit, parameters) ^ seed
        case .md5, .sha1, .sha256, .integer: nil
        }
    }

    /// A hash of 32 bits as a number: at most 2^31 if it is signed.
    @inline(__always)
    private static func magnitude(_ hash: UInt32, _ parameters: UInt64) -> UInt32 {
        parameters & 1 << 16 != 0 ? Int32(bitPattern: hash).magnitude : hash
    }

    @inline(__always)
    private static func isScaled(_ parameters: UInt64) -> Bool { parameters & 1 << 17 != 0 }

    @inline(__always)
    private static func bucket(ofCell cell: UInt64, of buckets: UInt64) -> UInt64 {
        cell &* UInt64(Share.bucketCount) / buckets
    }

    @inline(__always)
    private static func width(_ parameters: UInt64) -> Int { Int(truncatingIfNeeded: parameters &>> 24 & 0xFF) }

    /// How many buckets there are: not 0, even in a torn image, so that it can divide.
    @inline(__always)
    private static func buckets(_ second: UInt64) -> UInt64 { max(second &>> 32, 1) }

    /// Which of the buckets a number is. A remainder stays what it is.
    @inline(__always)
    private static func cell(_ number: HashNumber, _ parameters: UInt64, of buckets: UInt64) -> UInt64 {
        isScaled(parameters) ? number.scaled(to: buckets) : number.remainder(dividingBy: buckets)
    }

    /// The bucket, if units are drawn from it.
    @inline(__always)
    private static func drawn(_ bucket: UInt64) -> UInt64? { bucket < UInt64(Share.bucketCount) ? bucket : nil }
}

extension StatedFunction.Code {
    /// The hash that the first word of a function names. Written out, because `init(rawValue:)` is a call.
    @inline(__always)
    fileprivate init(_ parameters: UInt64) {
        self =
            switch UInt8(truncatingIfNeeded: parameters) {
            case 1: .murmur2
            case 2: .crc32
            case 3: .fnv1a
            case 4: .fnv1aTwice
            case 5: .java31
            case 6: .md5
            case 7: .sha1
            case 8: .sha256
            case 9: .integer
            default: .murmur3
            }
    }
}
