import Platform
import TestSupport
import Testing

/// The supervisor's program without a caller that speaks its language.
struct SupervisorProgramTests {
    private func run(request: [UInt8]?) throws -> (end: ProcessEnd, said: String) {
        let errors = try Pipe()
        let control = try Pipe()
        let report = try Pipe()
        let path = try BuiltProduct.path("flexmig-supervisor")
        var child = ChildProcess(executable: path, arguments: ["flexmig-supervisor"], environment: Environment.all())
        child.descriptors = [(errors.writeEnd.number, 2)]
        if request != nil { child.descriptors += [(control.readEnd.number, 3), (report.writeEnd.number, 4)] }
        let process = try child.spawn()
        try Self.write(request ?? [], andClose: control)
        let end = try waitForEnd(of: process)
        return (end, String(decoding: try Self.readAll(errors), as: UTF8.self))
    }

    private static func write(_ bytes: [UInt8], andClose pipe: consuming Pipe) throws {
        let readEnd = pipe.readEnd
        // It may have ended already; then there is nobody to write to, and no error.
        try pipe.writeEnd.write(bytes)
        _ = readEnd.number
    }

    private static func readAll(_ pipe: consuming Pipe) throws -> [UInt8] {
        let readEnd = pipe.readEnd
        _ = consume pipe.writeEnd
        return try readEnd.readAll()
    }

    @Test func startedByHand() throws {
        let (end, said) = try run(request: nil)
        #expect(end == .exited(code: 64))
        #expect(said == "flexmig-supervisor is started by `flexmig run`, not by hand. See: flexmig run --help\n")
    }

    /// A caller that dies before its request is complete leaves no job behind.
    @Test(arguments: [("nothing", [UInt8]()), ("half a length", [0, 0]), ("half a request", [0, 0, 1, 0, 0x7b])])
    func halfARequest(what: String, request: [UInt8]) throws {
        #expect(try run(request: request).end == .exited(code: 70), "\(what)")
    }
}
