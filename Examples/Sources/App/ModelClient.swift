import AsyncHTTPClient
import Fleet
import Foundation
import HTTPTypes
import Hummingbird
import NIOFoundationCompat
import NIOHTTP1
import Rollout

/// Asks the model service, and sends the decision along, so that it serves the version that belongs to the app's.
struct ModelClient: Sendable {
    let client: HTTPClient
    /// The address of the model service, without a slash at the end.
    let address: String
    /// How long an answer may take as a whole.
    let limit: Duration
    let sessions: SessionRouter

    /// What the model makes of a message.
    ///
    /// - Throws: `HTTPError`: 504 if the answer takes too long, 502 if there is none or it is no prediction.
    func prediction(for message: Message, by decision: Decision, user: String?) async throws -> Prediction {
        var request = HTTPClientRequest(url: "\(address)/predict")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        if let user { request.headers.add(name: HTTPField.Name.userID.rawName, value: user) }
        if let header = sessions.header(for: decision, unit: user) {
            request.headers.add(name: SessionRouter.decisionHeader, value: header)
        }
        request.body = .bytes(ByteBuffer(data: try JSONEncoder().encode(message)))
        do {
            return try await answer(to: request)
        } catch let error as HTTPError {
            throw error
        } catch {
            if Task.isCancelled { throw CancellationError() }
            throw HTTPError(.badGateway, message: "The model service gave no prediction: \(error)")
        }
    }

    /// The client's own deadline ends with the head of a response, so a body could go on for ever.
    private func answer(to request: HTTPClientRequest) async throws -> Prediction {
        try await withThrowingTaskGroup(of: Prediction.self) { group in
            group.addTask {
                let response = try await client.execute(request, deadline: .distantFuture)
                guard response.status == .ok else {
                    throw HTTPError(.badGateway, message: "The model service answered \(response.status.code).")
                }
                let body = try await response.body.collect(upTo: Message.limit)
                return try JSONDecoder().decode(Prediction.self, from: body)
            }
            group.addTask {
                try await Task.sleep(for: limit)
                throw HTTPError(.gatewayTimeout, message: "The model service did not answer within \(limit).")
            }
            defer { group.cancelAll() }
            guard let prediction = try await group.next() else { throw CancellationError() }
            return prediction
        }
    }
}
