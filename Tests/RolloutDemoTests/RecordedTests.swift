import RolloutDemo
import Testing

@Suite("What was recorded")
struct RecordedTests {
    @Test("The tour's log and policy are the files, byte for byte")
    func embedded() throws {
        #expect(try Recorded.text(Recorded.log).utf8.elementsEqual(recordedLog.utf8))
        #expect(try Recorded.text(Recorded.strategies).utf8.elementsEqual(recordedPolicy.utf8))
    }
}
