/// Reads a file whose secrecy matters.
enum KeyFile {
    /// Far above what 256 lines of 48 characters take, so that there is room for comments.
    static let limit = 64 << 10

    static func bytes(at path: String, allowing readers: SigningKeys.Readers) throws(SigningKeyError) -> [UInt8] {
        let permissions: UInt32
        let bytes: [UInt8]
        do throws(FileError) {
            let content = try FileReader.content(at: path, atMost: limit + 1)
            (permissions, bytes) = (content.permissions, content.bytes)
        } catch {
            throw SigningKeyError(.unreadable, error.description)
        }
        guard permissions & 0o077 & ~readers.permissions == 0 else {
            throw SigningKeyError(.exposed, refusal(of: permissions, path, allowing: readers))
        }
        guard bytes.count <= limit else {
            throw SigningKeyError(.tooLarge, "\(path) has more than \(limit) bytes, which no key file needs")
        }
        return bytes
    }

    private static func refusal(
        of permissions: UInt32,
        _ path: String,
        allowing readers: SigningKeys.Readers
    ) -> String {
        let file = "\(path) has the permissions 0\(String(permissions, radix: 8))"
        if permissions & 0o022 != 0 {
            return "\(file), so others than its owner may write it, which is never allowed for a key file "
                + "(chmod 600 \(path)); if its permissions cannot be changed, read it and use SigningKeys(text:)"
        }
        let allowed = readers == .owner ? "only its owner may" : "only its owner and its group may"
        let needed = permissions & 0o007 == 0 ? SigningKeys.Readers.group : .everyone
        return "\(file), so \(needed == .group ? "its group" : "everyone") may use it, and \(allowed) "
            + "(chmod \(readers == .owner ? 600 : 640) \(path)); if it is mounted like that, "
            + "allow it with SigningKeys(contentsOf:allowing: .\(needed)), or read it and use SigningKeys(text:)"
    }
}
