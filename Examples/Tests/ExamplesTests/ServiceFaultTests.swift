import AsyncHTTPClient
import Fleet
import Foundation
import Hummingbird
import NIOHTTP1
import Subprocess
import Testing

/// What becomes of requests if something fails, with real processes.
@Suite(.serialized) struct ServiceFaultTests {
    @Test("kill -9 of an app or model process fails no request and changes nobody's version")
    func killedProcess() async throws {
        try await ServiceFleet.with(policy: TestPolicy(percent: 50)) { fleet in
            let tally = try await fleet.load(1_000) {
                for service in [fleet.apps[0], fleet.models[0], fleet.apps[1]] {
                    try await service.process.crash()
                    try await Task.sleep(for: .milliseconds(500))
                    try await service.process.start()
                    try await fleet.waitUntilReady(service, 1)
                }
            }
            #expect(tally.problems == [])
            #expect(tally.switches == 0)
            #expect(tally.pairs.keys.sorted() == ["v1 v1", "v2 v2"])
        }
    }

    @Test("While a process of the model is stopped, the other one answers")
    func stoppedModel() async throws {
        try await ServiceFleet.with(apps: 1, policy: TestPolicy(percent: 0)) { fleet in
            try fleet.models[0].process.send(.suspend)
            var visitor = Visitor()
            for _ in 0..<4 { #expect(try await fleet.classify("free prize", by: &visitor).status == 200) }
            try fleet.models[0].process.send(.resume)
        }
    }

    struct Model: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let status: Int
        let text: String
        let answer: @Sendable (Request, BasicRequestContext) async throws -> Response
    }

    @Test(
        "The app answers in its time limit whatever the model does, and the version is charged with it",
        arguments: [
            Model(testDescription: "silent", status: 504, text: "did not answer within 0.3 seconds") { _, _ in
                try await Task.sleep(for: .seconds(60))
                return Response(status: .ok)
            },
            Model(testDescription: "a head at once, and a byte from time to time", status: 504, text: "0.3 seconds") {
                _,
                _ in
                let body = ResponseBody { writer in
                    for _ in 0..<600 {
                        try await writer.write(ByteBuffer(string: " "))
                        try await Task.sleep(for: .milliseconds(100))
                    }
                    try await writer.finish(nil)
                }
                return Response(status: .ok, body: body)
            },
            Model(testDescription: "fails", status: 502, text: "answered 500") { _, _ in
                Response(status: .internalServerError)
            },
            Model(testDescription: "babbles", status: 502, text: "no prediction") { _, _ in
                Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: "{}")))
            },
            Model(testDescription: "never stops", status: 502, text: "no prediction") { _, _ in
                Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(repeating: 0x20, count: 1 << 20)))
            },
        ]
    )
    func badModel(_ model: Model) async throws {
        try await withStub(model.answer) { port in
            try await ServiceFleet.with(
                apps: 1,
                models: 0,
                policy: TestPolicy(percent: 100),
                modelAddress: "http://127.0.0.1:\(port)"
            ) { fleet in
                var visitor = Visitor()
                let start = ContinuousClock.now
                let reply = try await fleet.classify("free prize", by: &visitor)
                #expect(ContinuousClock.now - start < .seconds(10))
                #expect(reply.status == model.status)
                #expect(reply.text.contains(model.text), "\(reply.text)")
                #expect(visitor.cookies.keys.contains("sms-app-version"))
                #expect(reply.headers["Cache-Control"] == ["private"])
                let page = try await fleet.client.get("\(fleet.apps[0].address)/metrics").text
                let failures =
                    #"rollout_requests_total{rollout="sms",variant="canary",version="v2",outcome="failure"} 1"#
                #expect(page.contains(failures))
            }
        }
    }

    @Test("Without a model there is an answer, too")
    func noModel() async throws {
        try await ServiceFleet.with(apps: 1, models: 0, policy: TestPolicy()) { fleet in
            var visitor = Visitor()
            let reply = try await fleet.classify("free prize", by: &visitor)
            #expect(reply.status == 502)
            #expect(reply.text.contains("The model service answered 502"))
        }
    }

    @Test(
        "Without a source the saved copy runs, and /healthz says so; without a copy the process ends with both problems"
    )
    func noSource() async throws {
        try await ServiceFleet.with(apps: 1, models: 0, policy: TestPolicy()) { fleet in
            let app = fleet.apps[0]
            try await eventually("a saved copy") { try !fleet.copies.isEmpty }
            try await app.process.crash()
            try FileManager.default.removeItem(at: fleet.policyFile)
            try await app.process.start()
            try await fleet.waitUntilReady(app, 1)
            #expect(try await fleet.client.get("\(app.address)/healthz").text.contains(#""policyFrom":"saved copy"#))

            try await app.process.crash()
            for copy in try fleet.copies { try FileManager.default.removeItem(at: copy) }
            try await app.process.start()
            let output = try await app.process.output()
            #expect(output.contains("There is no policy to start with."))
            #expect(output.contains("policy.json") && output.contains("copy-"))
        }
    }
}
