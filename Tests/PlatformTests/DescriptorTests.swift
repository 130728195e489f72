import Platform
import TestSupport
import Testing

struct DescriptorTests {
    @Test func pipesEnd() throws {
        var pipe = try Pipe()
        try pipe.writeEnd.write([1, 2, 3])
        #expect(try pipe.readEnd.read(upTo: 2) == [1, 2])
        try pipe.writeEnd.write([4])
        pipe.writeEnd = try Descriptor.open("/dev/null", .writeOnly)
        #expect(try pipe.readEnd.readAll() == [3, 4])
        #expect(try pipe.readEnd.read(upTo: 2) == nil)
    }

    @Test func aFullPipeSaysSo() throws {
        let pipe = try Pipe()
        try pipe.readEnd.setNonBlocking()
        let nothing = try #require(throws: SystemError.self) { try pipe.readEnd.read(upTo: 1) }
        #expect(nothing.isTryAgain)
        try pipe.writeEnd.setNonBlocking()
        var written = 0
        let full = try #require(throws: SystemError.self) {
            while true { written += try pipe.writeEnd.write(some: ArraySlice([UInt8](repeating: 0, count: 50_000))) }
        }
        #expect(full.isTryAgain)
        #expect(written >= 4096)
    }

    @Test func readinessIsSeen() throws {
        var pipe = try Pipe()
        let ends = [(pipe.readEnd.number, Readiness.readable), (pipe.writeEnd.number, .writable)]
        #expect(try poll(ends, timeout: .zero) == [[], .writable])
        try pipe.writeEnd.write([1])
        #expect(try poll(ends, timeout: nil) == [.readable, .writable])
        #expect(try pipe.readEnd.read(upTo: 9) == [1])
        pipe.writeEnd = try Descriptor.open("/dev/null", .writeOnly)
        #expect(try !poll([(pipe.readEnd.number, .readable)], timeout: nil)[0].isDisjoint(with: .hungUp))
        #expect(try poll([], timeout: .milliseconds(1)).isEmpty)
        let past = try poll([(pipe.readEnd.number, [])], timeout: .seconds(-5))
        #expect(!past[0].isDisjoint(with: .hungUp), "a time in the past")
    }

    /// Content is replaced and read through the one descriptor, wherever its position is.
    @Test func contentOfALockFile() throws {
        let directory = try TemporaryDirectory()
        let file = try Descriptor.open(directory.path("file"), [.readWrite, .create])
        #expect(try file.content().isEmpty)
        let long = [UInt8](repeating: 7, count: 40_000)
        try file.replaceContent(long)
        #expect(try file.content() == long)
        try file.replaceContent([1, 2])
        #expect(try file.content() == [1, 2])
        let second = try file.duplicate()
        #expect(second.number != file.number)
        #expect(try second.content() == [1, 2])
    }

    @Test func opensAsTold() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("file")
        _ = try Descriptor.open(path, [.writeOnly, .create, .exclusive])
        let taken = try #require(throws: SystemError.self) {
            _ = try Descriptor.open(path, [.writeOnly, .create, .exclusive])
        }
        #expect(taken.isAlreadyThere)
        #expect(taken.description == "\(path): File exists (open)")
        try Descriptor.open(path, [.writeOnly, .append]).write([1])
        try Descriptor.open(path, [.writeOnly, .append]).write([2])
        #expect(try Files.read(path) == [1, 2])
        try Descriptor.open(path, [.writeOnly, .truncate]).write([3])
        #expect(try Files.read(path) == [3])
    }

    @Test func portsCanBeUsed() throws {
        let ports = try (0..<20).map { _ in try freePort() }
        #expect(ports.allSatisfy { (1024...65535).contains($0) })
    }

    @Test func errorsAreToldApart() {
        #expect(SystemError(call: "open", code: 9999, subject: "x").description.hasPrefix("x: Unknown error 9999"))
        #expect(SystemError(call: "open", code: 13).description == "Permission denied (open)")
        #expect(SystemError(call: "open", code: 13).isPermission)
        #expect(!SystemError(call: "open", code: 13).isNotFound)
    }

    @Test func tokensDiffer() {
        let tokens = Set((0..<100).map { _ in randomToken(bytes: 8) })
        #expect(tokens.count == 100)
        #expect(tokens.allSatisfy { $0.count == 16 && $0.allSatisfy(\.isHexDigit) })
    }

    @Test func emptyVariablesAreUnset() async {
        await #expect(processExitsWith: .success) {
            Environment.set("FLEXMIG_TEST_EMPTY", "")
            Environment.set("FLEXMIG_TEST_FULL", "a=b")
            #expect(Environment.value("FLEXMIG_TEST_EMPTY") == nil)
            #expect(Environment.value("FLEXMIG_TEST_NONE") == nil)
            #expect(Environment.value("FLEXMIG_TEST_FULL") == "a=b")
            #expect(Environment.all()["FLEXMIG_TEST_FULL"] == "a=b")
            #expect(Environment.all()["FLEXMIG_TEST_EMPTY"] == "")
        }
    }
}
