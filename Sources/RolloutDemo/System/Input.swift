/// A file, or standard input, to be read from front to back.
struct Input {
    /// What messages call it.
    let name: String
    private let descriptor: Int32

    /// Opens a file; nil and `-` are standard input.
    init(_ path: String?) throws(Stop) {
        guard let path, path != "-" else {
            name = "standard input"
            descriptor = Platform.standardInput
            return
        }
        name = path
        do throws(Platform.SystemError) {
            descriptor = try Platform.openFile(path)
        } catch {
            throw .unusable("cannot open \(path): \(error.text)")
        }
    }

    func close() {
        if descriptor != Platform.standardInput { Platform.closeFile(descriptor) }
    }

    /// Whether reading would not have to wait.
    var isReady: Bool { Platform.isReadable(descriptor) }

    /// Reads once, into the bytes from `start` on; 0 at the end.
    func read(into bytes: inout [UInt8], from start: Int) throws(Stop) -> Int {
        do throws(Platform.SystemError) {
            return try Platform.readSome(descriptor, into: &bytes, from: start)
        } catch {
            throw .unusable("cannot read \(name): \(error.text)")
        }
    }

    /// Reads all there is; nil, and reading stops, as soon as that is more than the limit.
    func readAll(limit: Int) throws(Stop) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var end = 0
        while true {
            let count = try read(into: &bytes, from: end)
            if count == 0 { return Array(bytes[..<end]) }
            end += count
            if end > limit { return nil }
            if end == bytes.count { bytes.append(contentsOf: [UInt8](repeating: 0, count: bytes.count)) }
        }
    }
}
