import HTTPTypes
import Hummingbird
import NIOCore

/// A text message to be classified: the body of a request to the app, and of the app's to the model.
package struct Message: Codable, Sendable {
    package let sms: String

    /// The largest body, in bytes.
    package static let limit = 65_536

    /// The message in the body of a request.
    ///
    /// - Throws: `HTTPError`: 413 for a body above the limit, 400 for one that is no message.
    package init(from request: Request, context: some RequestContext) async throws {
        do {
            self = try await request.decode(as: Message.self, context: context)
        } catch is NIOTooManyBytesError {
            throw HTTPError(.contentTooLarge, message: "A message has at most \(Self.limit) bytes.")
        }
        guard sms.contains(where: { !$0.isWhitespace }) else {
            throw HTTPError(.badRequest, message: "`sms` has to be a text that is not blank.")
        }
    }
}

/// What the model makes of a message.
package struct Prediction: Codable, Sendable, ResponseEncodable {
    package let result: Result
    /// How probable it is that the message is spam, 0 ... 1.
    package let probability: Double
    /// The words that spoke for spam, the strongest first.
    package let words: [String]
    /// The version of the model.
    package let version: String
    /// Whether the version may not be the one that belongs to the caller's.
    package let isTainted: Bool

    package enum Result: String, Codable, Sendable { case spam, ham }

    package init(probability: Double, words: [String], version: String, isTainted: Bool) {
        self.result = probability > 0.5 ? .spam : .ham
        self.probability = probability
        self.words = words
        self.version = version
        self.isTainted = isTainted
    }
}

extension HTTPField.Name {
    /// Who the visitor is. Whatever signs visitors in sets it, and takes away what comes from outside.
    package static let userID = name("X-User-ID")
    /// The decision of the service that calls.
    package static let rolloutDecision = name("Rollout-Decision")

    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is no name of a header") }
        return name
    }
}
