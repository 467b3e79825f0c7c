import Foundation
import Testing

@Suite("Linkage")
struct LinkageTests {
    @Test(
        "The demo, and so the library, needs no Foundation",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/ldd"), "needs ldd")
    )
    func noFoundation() throws {
        let result = try Demo.shell(#"ldd "$0""#)
        #expect(result.status == 0)
        #expect(result.text.contains("libc.so"))
        #expect(!result.text.contains("Foundation"))
    }
}
