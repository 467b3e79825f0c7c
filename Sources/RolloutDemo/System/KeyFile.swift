import Rollout

/// A file with the keys of cookies.
enum KeyFile {
    /// What reads and writes cookies with the keys in a file.
    static func sessions(at path: String) throws(Stop) -> SessionRouter {
        do throws(SigningKeyError) {
            return SessionRouter(keys: try SigningKeys(contentsOf: path))
        } catch {
            let place = error.line.map { "\(path):\($0): " } ?? (error.code == .noKey ? "\(path): " : "")
            throw .unusable("--keys: \(place)\(error.message)")
        }
    }
}
