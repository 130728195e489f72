import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// Who counts as running on a leaf, and what the driver's log says of it.
struct ContextTests {
    let fixture: NodeFixture
    let leaf: SimulatedComputeInstance

    init() throws {
        fixture = try NodeFixture()
        leaf = try fixture.makeLeaf(at: 0)
    }

    private func running(on leaf: SimulatedComputeInstance? = nil) throws -> [ProcessID] {
        try fixture.node.processes(on: leaf ?? self.leaf).map(\.process)
    }

    /// Names and endings of the context events, such as "context-open" and "context-close closed".
    private func contextEvents() throws -> [String] {
        try fixture.events().filter { $0.name.hasPrefix("context") }
            .map { ([$0.name] + [$0.fields["how"]].compactMap(\.self)).joined(separator: " ") }
    }

    @Test func anOpenContextCountsUntilItIsClosed() throws {
        let second = try fixture.makeLeaf(at: 1)
        #expect(try running().isEmpty)
        let holder = try fixture.holder(of: leaf.uuid, environment: ["FLEXMIG_JOB_ID": "job-7"])
        #expect(try holder.nextLine() == "open")
        #expect(try running() == [holder.process])
        #expect(try running(on: second).isEmpty)
        holder.closeInput()
        #expect(try holder.waitUntilEnd() == .exited(code: 0))
        #expect(try running().isEmpty)
        let events = try fixture.events().suffix(2)
        let fields = ["leaf": leaf.uuid, "pid": "\(holder.process)", "job": "job-7", "serial": "\(leaf.serial)"]
        #expect(
            Array(events) == [
                Event("context-open", fields), Event("context-close", fields.merging(["how": "closed"]) { $1 }),
            ])
    }

    /// The kernel frees the leaf at once; the log says so before anything that it allows.
    @Test(arguments: [Signal.kill, .terminate])
    func anEndedProcessFreesTheLeaf(signal: Signal) throws {
        let holder = try fixture.holder(of: leaf.uuid)
        #expect(try holder.nextLine() == "open")
        try holder.process.send(signal)
        #expect(try holder.waitUntilEnd() == .signalled(signal))
        #expect(try running().isEmpty)
        try fixture.node.change { _, _ in .init((), events: [Event("something-else", [:])]) }
        let events = try fixture.node.log.events().map(\.event)
        #expect(events.map(\.name) == ["context-open", "context-close", "something-else"])
        #expect(events[1].fields["how"] == "ended")
        #expect(events[1].fields["pid"] == "\(holder.process)")
        #expect(try contextEvents().count == 2, "it ends once")
    }

    /// Knowing the leaf is not using it.
    @Test func theEnvironmentAloneDoesNotCount() throws {
        let holder = try fixture.holder(
            of: leaf.uuid, ["--no-context"], environment: ["CUDA_VISIBLE_DEVICES": leaf.uuid])
        #expect(try holder.nextLine() == "none")
        #expect(try running().isEmpty)
        #expect(try contextEvents().isEmpty)
    }

    @Test func childrenDoNotInheritAContext() throws {
        let holder = try fixture.holder(of: leaf.uuid, ["--spawn-child"])
        let lines = try (0..<3).map { _ in try holder.nextLine() ?? "" }
        #expect(Set(lines.map { $0.prefix(5) }) == ["open", "child", "none"])
        #expect(try running() == [holder.process])
        let child = try #require(lines.compactMap { CInt($0.dropFirst(6)) }.first)
        #expect(ProcessTable.row(of: ProcessID(rawValue: child)) != nil)
        try holder.kill()
        #expect(try running().isEmpty)
        #expect(ProcessTable.row(of: ProcessID(rawValue: child)) != nil, "the child lives on")
    }

    /// A process that becomes another program is the same process, but without the context that it had.
    @Test func anotherProgramInTheSameProcessHasNoContext() throws {
        let holder = try fixture.holder(of: leaf.uuid, ["--become-another"])
        #expect(try holder.nextLine() == "open")
        #expect(try holder.nextLine() == "none")
        #expect(try running().isEmpty)
        #expect(try contextEvents() == ["context-open", "context-close ended"])
    }

    /// Record locks are not seen by their owner, and any closed descriptor of the file drops them: asking must do
    /// neither harm to a process's own context nor overlook it.
    @Test func aProcessSeesItselfHoweverOftenItAsks() async throws {
        let context = try SimulatedContext(on: leaf.uuid, of: fixture.node)
        for _ in 0..<5 {
            let again = try SimulatedNode(opening: fixture.path)
            #expect(try again.processes(on: leaf).map(\.process) == [.current])
        }
        #expect(try running() == [.current])
        let own = ProcessID.current.rawValue
        await #expect(processExitsWith: .success) {
            [path = fixture.path as String, uuid = leaf.uuid as String, own = own as CInt] in
            let node = try SimulatedNode(opening: path)
            let found = try #require(try node.state().computeInstance(uuid: uuid)).compute
            #expect(try node.processes(on: found).map(\.process.rawValue) == [own], "another process sees it too")
        }
        context.close()
        #expect(try running().isEmpty)
    }

    @Test func contextsOfOneProcessAreTwo() throws {
        let first = try SimulatedContext(on: leaf.uuid, of: fixture.node)
        do {
            let second = try SimulatedContext(on: leaf.uuid, of: fixture.node)
            #expect(try running() == [.current, .current])
            withExtendedLifetime(second) {}
        }
        #expect(try running() == [.current], "the end of a value closes its context")
        first.close()
        first.close()
        #expect(try running().isEmpty)
        #expect(
            try contextEvents() == ["context-open", "context-open", "context-close closed", "context-close closed"])
    }

    @Test func severalProcessesShareALeaf() throws {
        let holders = try (0..<4).map { _ in try fixture.holder(of: leaf.uuid) }
        for holder in holders { #expect(try holder.nextLine() == "open") }
        #expect(Set(try running()) == Set(holders.map(\.process)))
        try holders[1].kill()
        #expect(Set(try running()) == Set([holders[0], holders[2], holders[3]].map(\.process)))
    }

    /// The job's name is the user's, the files are lines of words.
    @Test(arguments: [
        ("plain", "job-7", "job-7"), ("nothing", "", "-"), ("spaces", "my job  7", "my_job__7"),
        ("a line's end", "a\nb", "a_b"), ("both line ends", "a\r\nb", "a_b"), ("tab", "a\tb", "a_b"),
        ("only space", " ", "_"), ("equals sign", "a=b", "a=b"), ("letters of the world", "größe", "größe"),
    ])
    func anyJobNameIsOneWord(word: String, job: String, shown: String) throws {
        let context = try SimulatedContext(on: leaf.uuid, of: fixture.node, job: job)
        #expect(try fixture.node.processes(on: leaf).map(\.job) == [shown], "\(word)")
        context.close()
        #expect(try fixture.events().suffix(2).map { $0.fields["job"] } == [shown, shown])
    }

    @Test func anUnknownLeafHasNoContexts() throws {
        let error = try #require(throws: SimulatedContextError.self) {
            try SimulatedContext(on: "MIG-none", of: fixture.node)
        }
        #expect(error.description == "no CUDA-capable device is detected: the node has no MIG-none")
        #expect(try contextEvents().isEmpty)
    }

    /// A context that could not be written down holds nothing.
    @Test func aFailedOpeningHoldsNothing() throws {
        try Files.makeDirectory("\(fixture.path)/events.log")
        #expect(throws: SystemError.self) { try SimulatedContext(on: leaf.uuid, of: fixture.node) }
        #expect(try running().isEmpty)
        try Files.removeDirectory("\(fixture.path)/events.log")
        let context = try SimulatedContext(on: leaf.uuid, of: fixture.node)
        #expect(try running() == [.current])
        context.close()
    }

    /// Somebody removes the node and makes it anew while a context is open.
    @Test func aNewNodeKnowsNothingOfOldContexts() throws {
        let context = try SimulatedContext(on: leaf.uuid, of: fixture.node)
        removeTree(fixture.path)
        let node = try SimulatedNode.create(try NodeSpec(parsing: "a100-40gb:1"), in: fixture.path)
        let anew = try fixture.makeLeaf(at: 0)
        #expect(anew.uuid != leaf.uuid)
        #expect(try node.processes(on: anew).isEmpty)
        let second = try SimulatedContext(on: anew.uuid, of: node)
        context.close()
        #expect(try node.processes(on: anew).map(\.process) == [.current])
        let holder = try fixture.holder(of: anew.uuid)
        #expect(try holder.nextLine() == "open")
        #expect(try node.processes(on: anew).map(\.process) == [.current, holder.process])
        second.close()
        #expect(try node.processes(on: anew).map(\.process) == [holder.process])
        #expect(try contextEvents() == ["context-open", "context-open", "context-close closed"])
    }
}

/// What a program of a job does at its start.
struct OpenIfSimulatedTests {
    @Test func withoutANodeThereIsNoContext() async {
        await #expect(processExitsWith: .success) {
            Environment.set(SimulatedNode.environmentVariable, "")
            let context = try SimulatedContext.openIfSimulated()
            #expect(context == nil)
        }
    }

    @Test func theFirstVisibleDeviceIsTaken() async throws {
        let fixture = try NodeFixture()
        let leaf = try fixture.makeLeaf(at: 0).uuid
        await #expect(processExitsWith: .success) { [path = fixture.path as String, leaf = leaf as String] in
            Environment.set(SimulatedNode.environmentVariable, path)
            Environment.set("CUDA_VISIBLE_DEVICES", "")
            let error = #expect(throws: SimulatedContextError.self) { try SimulatedContext.openIfSimulated() }
            #expect(error?.reason == "no CUDA-capable device is detected: CUDA_VISIBLE_DEVICES is empty")
            Environment.set("CUDA_VISIBLE_DEVICES", "\(leaf),MIG-other")
            let context = try #require(try SimulatedContext.openIfSimulated())
            #expect(context.leaf == leaf)
            let node = try SimulatedNode(opening: path)
            let found = try #require(try node.state().computeInstance(uuid: leaf)).compute
            #expect(try node.processes(on: found).map(\.process) == [.current])
            context.close()
        }
        #expect(try fixture.events().map(\.name) == ["context-open", "context-close"])
    }

    @Test func aMissingNodeIsAnError() async {
        await #expect(processExitsWith: .success) {
            Environment.set(SimulatedNode.environmentVariable, "/no/such/node")
            #expect(throws: SimulatedNodeError.self) { try SimulatedContext.openIfSimulated() }
        }
    }
}
