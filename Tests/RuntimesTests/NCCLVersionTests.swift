import Runtimes
import Testing

struct NCCLVersionTests {
    @Test(arguments: [
        ("2.29.7", NCCLVersion(2, 29, 7)), ("2.21.5+cuda12.4", NCCLVersion(2, 21, 5)),
        ("2.31\n", NCCLVersion(2, 31, 0)),
    ])
    func texts(text: String, version: NCCLVersion) {
        #expect(NCCLVersion(text) == version)
    }

    @Test(arguments: ["", "2", "NCCL 2.29", "%d.%d", ".2.3"]) func noVersions(text: String) {
        #expect(NCCLVersion(text) == nil)
    }

    @Test(arguments: [(23007, "2.30.7"), (23203, "2.32.3"), (2708, "2.7.8"), (22105, "2.21.5")])
    func codes(code: Int, text: String) {
        #expect(NCCLVersion(code: code)?.description == text)
    }

    @Test func order() {
        #expect(NCCLVersion(2, 9) < NCCLVersion(2, 10) && NCCLVersion(2, 30, 7) < .firstWithMIG)
        #expect(NCCLVersion(code: 3) == nil)
    }
}
