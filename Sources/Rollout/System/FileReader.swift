/// Reads a file that others replace while it is read.
enum FileReader {
    /// As many links as Linux follows.
    private static let links = 40
    /// How often a file that was not there is looked for again, and one that changed is read again.
    private static let attempts = 32

    /// The bytes of a regular file, and not more than so many.
    ///
    /// **Claim:** a file that is always replaced as a whole, by a link or by a name, is neither missed nor mixed. Because
    ///
    /// 1. every link is resolved once, in the open directory that holds it, and the file is opened in the open directory
    ///    that was found: a link that is swung meanwhile leads nobody from one directory's half of the way into another's;
    /// 2. what was deleted on the way, as Kubernetes deletes the old directory, is "no such file", and then the link leads
    ///    elsewhere already: so the way is gone again from its beginning;
    /// 3. an open file keeps its bytes after it is deleted.
    ///
    /// A file that is written in place has no such moment. It is read until two readings agree, which leaves only a writer
    /// that pauses halfway.
    static func bytes(at path: String, atMost count: Int) throws(FileError) -> [UInt8] {
        var attempt = 1
        while true {
            do throws(FileError) {
                return try settledBytes(try resolved(path), atMost: count)
            } catch {
                guard error.isMissing, attempt < attempts else { throw error }
                attempt += 1
            }
        }
    }

    private static func settledBytes(
        _ file: consuming OpenFile,
        atMost count: Int
    ) throws(FileError) -> [UInt8] {
        _ = try file.permissionsOfRegularFile()
        var bytes = try file.bytes(atMost: count)
        for _ in 1..<attempts {
            let again = try file.bytes(atMost: count)
            if again == bytes { return bytes }
            bytes = again
        }
        throw FileError(file.path, "read", "it does not stop changing")
    }

    private static func resolved(_ path: String) throws(FileError) -> OpenFile {
        var (place, name) = FilePlace.split(path)
        var directory = try OpenFile.directory(place)
        for _ in 0...links {
            guard let target = try directory.link(name, as: path) else {
                return try directory.entry(name, as: path)
            }
            (place, name) = FilePlace.split(target)
            directory = try directory.directory(place, as: path)
        }
        throw FileError(path, "open", "more than \(links) links, or links in a circle")
    }
}

/// Where a file is: its directory, and its name there.
enum FilePlace {
    static func split(_ path: String) -> (directory: String, name: String) {
        let bytes = path.utf8
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
        let name = String(path[bytes.index(after: slash)...])
        return (slash == path.startIndex ? "/" : String(path[..<slash]), name.isEmpty ? "." : name)
    }
}
