/// Replaces a file so that it has the old bytes or the new ones, whenever the process or the machine stops.
enum DurableFile {
    /// Returns once the new bytes would outlive a loss of power.
    ///
    /// **Claim:** the name never stands for anything but whole contents. Because the bytes are written, and synchronized,
    /// under another name in the same directory; renaming is one step of one file system; and the directory is
    /// synchronized after it. Without the first synchronization the name could be durable before the bytes are.
    ///
    /// The other name is a new one each time, so that two processes do not write into one file. Who is killed in between
    /// leaves it behind; nobody reads it.
    static func replace(_ path: String, with bytes: [UInt8]) throws(FileError) {
        let (place, name) = FilePlace.split(path)
        let directory = try OpenFile.directoryForChanges(place)
        let temporary = ".\(name).\(String(UInt64.random(in: 0 ... .max), radix: 16)).new"
        let file = try directory.newEntry(temporary, as: path)
        do throws(FileError) {
            try file.write(bytes)
            try file.synchronize()
            try directory.rename(temporary, to: name, as: path)
        } catch {
            directory.remove(temporary)
            throw error
        }
        try directory.synchronize()
    }
}
