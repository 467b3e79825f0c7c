/// Replaces a file as a whole: it has the old bytes or the new ones, even if the process or the machine stops in
/// between.
package enum DurableFile {
    /// Writes other bytes into a file that exists, if it still has the old ones. It keeps its permissions, its owner and its
    /// group.
    ///
    /// If the path is a link, the file that it leads to is replaced, and the link stays.
    ///
    /// **Claim:** of several processes that rewrite one file, none undoes what another did. Because each holds the lock of
    /// the file's directory from before it compares until after it has renamed. A lock of the file itself would not do: the
    /// name gets another file, which nobody has locked.
    ///
    /// - Returns: Whether the file had the old bytes. If not, it stays as it is.
    package static func rewrite(_ path: String, from old: [UInt8], to new: [UInt8]) throws(FileError) -> Bool {
        let target = try OpenFile.withoutLinks(path)
        let (place, name) = FilePlace.split(target)
        let directory = try OpenFile.directoryForChanges(place)
        try directory.lock()
        let file = try OpenFile.file(target)
        let access = try file.access()
        guard try file.bytes(atMost: old.count + 1) == old else { return false }
        try replace(name, in: directory, as: target, with: new, access)
        return true
    }

    /// Returns once the new bytes would survive a loss of power.
    ///
    /// **Claim:** the name always stands for whole contents. Because
    /// 1. the bytes are written and synchronized under another name in the same directory. Without that synchronization
    ///    the name could be durable before the bytes are;
    /// 2. a rename is one step of one file system;
    /// 3. the directory is synchronized after the rename.
    ///
    /// The other name is a new one each time, so two processes never write into one file. A process that is killed in
    /// between leaves that file behind, and nobody reads it.
    package static func replace(_ path: String, with bytes: [UInt8]) throws(FileError) {
        let (place, name) = FilePlace.split(path)
        try replace(name, in: OpenFile.directoryForChanges(place), as: path, with: bytes)
    }

    private static func replace(
        _ name: String,
        in directory: borrowing OpenFile,
        as path: String,
        with bytes: [UInt8],
        _ access: FileAccess? = nil
    ) throws(FileError) {
        let temporary = ".\(name).\(String(UInt64.random(in: 0 ... .max), radix: 16)).new"
        let file = try directory.newEntry(temporary, as: path)
        do throws(FileError) {
            try file.write(bytes)
            if let access { try file.set(access) }
            try file.synchronize()
            try directory.rename(temporary, to: name, as: path)
        } catch {
            directory.remove(temporary)
            throw error
        }
        try directory.synchronize()
    }
}
