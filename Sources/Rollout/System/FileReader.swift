/// Reads a file that others replace while it is read.
enum FileReader {
    /// How many links are followed: as many as Linux follows.
    private static let links = 40
    /// How often a missing file is looked for, and a file that keeps changing is read.
    private static let attempts = 32

    /// What a read has just done. Others may change the file before it goes on.
    enum Step {
        /// It looked whether a name is a link.
        case looked
        /// It read the bytes once.
        case read
    }

    /// What a file has, and who may use it.
    struct Content {
        let bytes: [UInt8]
        /// The permission bits of the file that was read, such as 0o600.
        let permissions: UInt32
    }

    /// The bytes of a regular file; see ``content(at:atMost:after:)``.
    static func bytes(
        at path: String,
        atMost count: Int,
        after pause: (Step) -> Void = { _ in }
    ) throws(FileError) -> [UInt8] {
        try content(at: path, atMost: count, after: pause).bytes
    }

    /// Reads a regular file.
    ///
    /// **Claim:** if a file is always replaced as a whole, by a link or by a rename, a read finds it and never mixes
    /// two versions. Because
    ///
    /// 1. every link is resolved once, in the open directory that holds it, and the file is opened in the open
    ///    directory that was found. So if a link changes meanwhile, no read follows half of the old path and half of
    ///    the new one;
    /// 2. if a part of the path is deleted meanwhile, as Kubernetes deletes the old directory, the system reports a
    ///    missing file. If the file itself becomes a link, the system refuses to open it. By then the path leads
    ///    elsewhere, so it is followed again from its beginning;
    /// 3. an open file keeps its bytes after it is deleted.
    ///
    /// A file that is written in place is never replaced as a whole. It is read until two readings agree. That fails
    /// only if the writer pauses halfway.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - count: How many bytes are read at most.
    ///   - pause: Called after each step. Tests change the file there.
    /// - Returns: The bytes, up to the given number, and the permissions of the file that has them.
    /// - Throws: `FileError` if there is no such file, or it does not stop changing.
    static func content(
        at path: String,
        atMost count: Int,
        after pause: (Step) -> Void = { _ in }
    ) throws(FileError) -> Content {
        var attempt = 1
        while true {
            do throws(FileError) {
                return try settledContent(try resolved(path, pause), atMost: count, pause)
            } catch {
                guard error.hasMoved, attempt < attempts else { throw error }
                attempt += 1
            }
        }
    }

    private static func settledContent(
        _ file: consuming OpenFile,
        atMost count: Int,
        _ pause: (Step) -> Void
    ) throws(FileError) -> Content {
        let permissions = try file.permissionsOfRegularFile()
        var bytes = try file.bytes(atMost: count)
        for _ in 1..<attempts {
            pause(.read)
            let again = try file.bytes(atMost: count)
            if again == bytes { return Content(bytes: bytes, permissions: permissions) }
            bytes = again
        }
        throw FileError(file.path, "read", "it does not stop changing")
    }

    private static func resolved(_ path: String, _ pause: (Step) -> Void) throws(FileError) -> OpenFile {
        var (place, name) = FilePlace.split(path)
        var directory = try OpenFile.directory(place)
        for _ in 0...links {
            let link = try directory.link(name, as: path)
            pause(.looked)
            guard let target = link else { return try directory.entry(name, as: path) }
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
