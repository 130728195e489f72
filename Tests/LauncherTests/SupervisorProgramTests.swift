import DeviceInventory
import Launcher
import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// The supervisor's program with callers that make no sense, or die.
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

    // MARK: A caller that dies

    /// A job of one rank that does nothing, on the node's one leaf.
    private func request(on test: NodeFixture, _ leaf: MIGDeviceUUID) throws -> JobRequest {
        let job = JobID.make()
        let leaf = Leaf(
            uuid: leaf, gpu: 0, gpuInstance: 7, computeInstance: 0, profile: "1g.5gb", leafType: .thin,
            placement: Placement(start: 0, size: 1), memoryMiB: 4864, multiprocessors: 14, numaNode: 0)
        return JobRequest(
            job: job, leaves: [leaf], shares: [1], command: ["/bin/true"], start: .rankPerLeaf, localRank: .device,
            masterPort: 41234, rendezvous: "\(job.sharedMemoryPrefix)x", outputDirectory: nil, timeLimitSeconds: nil,
            graceSeconds: 10, flexmig: try BuiltProduct.path("flexmig"),
            library: try BuiltProduct.path("libflexmig-simulated-nvml.so"), stateDirectory: test.path)
    }

    /// The processor time of a process, in hundredths of a second.
    private func ticks(of process: ProcessID) throws -> Int {
        let row = try Files.readText("/proc/\(process)/stat")
        let fields = row.split(separator: ")").last?.split(separator: " ") ?? []
        return try #require(fields.count > 12 ? fields[11...12].compactMap { Int($0) }.reduce(0, +) : nil)
    }

    /// Leaves that stay busy may keep a supervisor for hours, long after its caller is gone: it must not turn in circles
    /// over the closed pipe meanwhile.
    @Test func waitsWithoutTurningInCircles() throws {
        let test = try NodeFixture()
        let leaf = MIGDeviceUUID(rawValue: try test.makeLeaf(at: 0).uuid)
        let request = try request(on: test, leaf)
        let context = try SimulatedContext(on: leaf.rawValue, of: test.node)
        let control = try Pipe()
        let report = try Pipe()
        var child = ChildProcess(
            executable: try BuiltProduct.path("flexmig-supervisor"), arguments: ["flexmig-supervisor"],
            environment: Environment.all().merging(test.environment) { $1 })
        child.descriptors = [(control.readEnd.number, 3), (report.writeEnd.number, 4)]
        let process = try child.spawn()
        try control.writeEnd.write(try request.encoded())
        var said = ""
        while !said.contains("ended 0\n") {
            said += String(decoding: try #require(try report.readEnd.read(upTo: 100)), as: UTF8.self)
        }
        try Self.write([], andClose: control)

        // Not a wait for something to happen: the time in which nothing should.
        let before = try ticks(of: process)
        let end = ContinuousClock.now + .milliseconds(500)
        while ContinuousClock.now < end { pause(for: .milliseconds(50)) }
        #expect(try ticks(of: process) - before < 25)

        let ledger = try Ledger(stateDirectory: test.path)
        #expect(try ledger.state(of: leaf) == .held(nil))
        context.close()
        #expect(try waitForEnd(of: process) == .exited(code: 0))
        #expect(try ledger.state(of: leaf) == .free)
    }
}
