import Rollout
import Testing

/// What is written wrong in source traps, and says the value.
@Suite("Wrong literals trap")
struct LiteralTrapTests {
    private func expect(_ result: ExitTest.Result?, says text: String, _ location: SourceLocation = #_sourceLocation) {
        let output = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        // A release build of the library drops the message of a precondition.
        #if DEBUG
            #expect(output.contains(text), sourceLocation: location)
        #endif
    }

    @Test("A rollout id that is no name")
    func rolloutID() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let id: RolloutID = "a b"
            print(id)
        }
        expect(result, says: #""a b" is no name"#)
    }

    @Test("A variant with the Kelvin sign for a K")
    func variantName() async {
        await #expect(processExitsWith: .failure) {
            let name: VariantName = "\u{212A}"
            print(name)
        }
    }

    @Test("A component without a character")
    func component() async {
        await #expect(processExitsWith: .failure) {
            let component: Release.Component = ""
            print(component)
        }
    }

    @Test("A percentage above 100")
    func tooLarge() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            print(Share.percent(100.0001))
        }
        expect(result, says: "100.0001 % is no share")
    }

    @Test("A percentage finer than a bucket")
    func tooFine() async {
        await #expect(processExitsWith: .failure) { print(Share.percent(0.00001)) }
    }

    @Test("A component twice in one release")
    func duplicateComponent() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let release: Release = ["app": "v1", "app": "v2"]
            print(release)
        }
        expect(result, says: "app")
    }

    @Test("What is right does not")
    func right() async {
        await #expect(processExitsWith: .success) {
            let (id, name): (RolloutID, VariantName) = ("a", "b")
            let release: Release = ["app": "v1", "model": "v1"]
            print(id, name, release, Share.percent(33.3333))
        }
    }
}
