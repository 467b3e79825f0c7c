/// What is wrong with keys. Never shows a secret.
public struct SigningKeyError: Error, Hashable, Sendable {
    /// The kind of a problem. A minor release may add kinds.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The kind as a word, stable between releases.
        public let description: String

        private init(_ description: String) { self.description = description }

        /// There is no key at all.
        public static let noKey = Code("noKey")
        /// A line that starts with a byte order mark.
        public static let byteOrderMark = Code("byteOrderMark")
        /// A line that is not a number, a space and base64.
        public static let badLine = Code("badLine")
        /// A number that is not 0 to 255 in its shortest form.
        public static let badID = Code("badID")
        /// A secret that is not padded standard base64.
        public static let badSecret = Code("badSecret")
        /// A secret of fewer than 32 bytes.
        public static let shortSecret = Code("shortSecret")
        /// The same number twice.
        public static let duplicateID = Code("duplicateID")
        /// The same secret under two numbers.
        public static let duplicateSecret = Code("duplicateSecret")
        /// A file that cannot be read.
        public static let unreadable = Code("unreadable")
        /// A file that more people may use than the caller allows, or that others than its owner may write.
        public static let exposed = Code("exposed")
        /// A file of more than 64 KiB.
        public static let tooLarge = Code("tooLarge")
        /// A session router's keys were replaced 10,000 times.
        public static let tooManyChanges = Code("tooManyChanges")
    }

    /// The kind of problem, for programs.
    public let code: Code
    /// The line of the key file, from 1, or nil if the problem is in no line.
    public let line: Int?
    /// A sentence for people.
    public let message: String

    init(_ code: Code, line: Int? = nil, _ message: String) {
        self.code = code
        self.line = line
        self.message = message
    }

    /// The same problem, found in a line.
    func at(line: Int) -> SigningKeyError { SigningKeyError(code, line: line, message) }
}

extension SigningKeyError: CustomStringConvertible {
    /// The line and the sentence.
    public var description: String { line.map { "line \($0): \(message)" } ?? message }
}
