import CNVML
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// Who runs on a leaf, as the library tells it, and the account that the library keeps.
struct ProcessesAndLogTests {
    /// NVML's answer for a device: the code, and pid, GPU instance and compute instance of each process.
    private static func processes(_ client: Client, _ device: UInt, room: UInt32 = 16) -> (
        code: Int32?, rows: [[UInt32]], count: UInt32
    ) {
        let rows = Scratch()
        client.scratch.set(room)
        let code = client.code("nvmlDeviceGetComputeRunningProcesses_v3", device, client.scratch.word, rows.word)
        let count = client.scratch.number
        guard code == 0 else { return (code, [], count) }
        return (code, (0..<Int(count)).map { row in [0, 16, 20].map { rows.value(at: 24 * row + $0) } }, count)
    }

    /// A process with a context in the library's own process: each side has its own copy of the driver's code.
    @Test func aProcessSeesItself() async throws {
        let fixture = try NodeFixture()
        let leaf = try fixture.makeLeaf(at: 3).uuid
        let other = try fixture.makeLeaf(at: 4).uuid
        await #expect(processExitsWith: .success) {
            [path = fixture.path as String, leaf = leaf as String, other = other as String] in
            withClient(of: path) { client in
                let device = client.device(leaf)
                let otherDevice = client.device(other)
                expect(Self.processes(client, device).rows, [])
                let context = try SimulatedContext(on: leaf, of: try SimulatedNode(opening: path))
                let own = UInt32(bitPattern: ProcessID.current.rawValue)
                for turn in 0..<5 {
                    expect(Self.processes(client, device).rows, [[own, 10, 0]], "asked \(turn) times before")
                    expect(Self.processes(client, client.gpu()).rows, [[own, 10, 0]], "the whole GPU")
                    expect(Self.processes(client, otherDevice).rows, [])
                }
                // Asking must not have cost the context: another process still sees it.
                let compute = client.handle(
                    "nvmlGpuInstanceGetComputeInstanceById",
                    client.handle("nvmlDeviceGetGpuInstanceById", client.gpu(), 10), 0)
                expect(client.code("nvmlComputeInstanceDestroy", compute), Answer.inUse)
                let witness = try LineProgram("second-process")
                let serial = try SimulatedNode(opening: path).state().computeInstance(uuid: leaf)?.compute.serial ?? 0
                expect(try witness.ask("lock \(path)/contexts \(serial << 32) 4294967296"), "no", "the lock")
                context.close()
                expect(try witness.ask("lock \(path)/contexts \(serial << 32) 4294967296"), "yes", "the lock")
                expect(Self.processes(client, device).rows.count, 0)
                expect(client.code("nvmlComputeInstanceDestroy", compute), Answer.success)
            }
        }
    }

    @Test func roomForTheProcessesIsNeeded() async throws {
        let fixture = try NodeFixture()
        let leaf = try fixture.makeLeaf(at: 0).uuid
        let holders = try (0..<3).map { _ in try fixture.holder(of: leaf) }
        for holder in holders { #expect(try holder.nextLine() == "open") }
        let pids = holders.map { UInt32(bitPattern: $0.process.rawValue) }
        await #expect(processExitsWith: .success) { [path = fixture.path as String, pids = pids as [UInt32]] in
            withClient(of: path) { client in
                let gpu = client.gpu()
                for room in 0..<3 as Range<UInt32> {
                    let answer = Self.processes(client, gpu, room: room)
                    expect(answer.code, Answer.insufficientSize, "room for \(room)")
                    expect(answer.count, 3, "what is needed")
                }
                expect(Self.processes(client, gpu, room: 3).rows.map { $0[0] }.sorted(), pids.sorted())
                client.scratch.set(9 as UInt32)
                expect(
                    client.code("nvmlDeviceGetComputeRunningProcesses_v3", gpu, client.scratch.word, 0),
                    Answer.insufficientSize, "NULL is no room")
                expect(client.number("nvmlDeviceGetGraphicsRunningProcesses_v3", gpu), 0)
            }
        }
    }

    /// IN_USE while a process runs on it, however often one tries; free as soon as the process is gone.
    @Test func busyInstancesStay() async throws {
        let fixture = try NodeFixture()
        let leaf = try fixture.makeLeaf(at: 0).uuid
        let holder = try fixture.holder(of: leaf)
        #expect(try holder.nextLine() == "open")
        await destroyFirst(of: fixture.path, answering: Answer.inUse)
        try holder.kill()
        await destroyFirst(of: fixture.path, answering: Answer.success)
        #expect(try fixture.events().map(\.name) == ["context-open", "context-close", "destroy-ci"])
        #expect(try fixture.events()[1].fields["how"] == "ended")
    }

    /// Destroys the leaf at 0 from another process.
    private func destroyFirst(of path: String, answering expected: Int32) async {
        await #expect(processExitsWith: .success) { [path, expected] in
            withClient(of: path) { client in
                let handles = LivingHandles(client)
                expect(client.code("nvmlComputeInstanceDestroy", handles.compute), expected)
                if expected != 0 { expect(client.code("nvmlGpuInstanceDestroy", handles.instance), Answer.inUse) }
            }
        }
    }

    /// One line for each change that happened, none for a refusal.
    @Test func theLogIsAnAccount() async throws {
        let fixture = try NodeFixture("a100-40gb:2")
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let gpu = client.gpu(1)
                let leaf = client.leaf(at: 4, size: 4, profile: 9, compute: 2, on: gpu)
                expect(client.create(19, at: 5, size: 1, on: gpu).code, Answer.insufficientResources)
                expect(client.code("nvmlGpuInstanceDestroy", leaf.instance), Answer.inUse)
                _ = client.code("nvmlDeviceSetMigMode", gpu, 0, client.scratch.word)
                _ = client.code("nvmlComputeInstanceDestroy", leaf.compute)
                _ = client.code("nvmlGpuInstanceDestroy", leaf.instance)
            }
        }
        let events = try fixture.events()
        #expect(events.map(\.name) == ["create-gi", "create-ci", "mig-mode", "destroy-ci", "destroy-gi"])
        let leaf = try #require(events[1].fields["leaf"])
        #expect(
            events.map(\.fields) == [
                ["gpu": "1", "id": "2", "profile": "9", "place": "4:4"],
                ["gpu": "1", "gi": "2", "id": "0", "leaf": leaf],
                ["gpu": "1", "mode": "0", "active": "false"], ["gpu": "1", "gi": "2", "id": "0", "leaf": leaf],
                ["gpu": "1", "id": "2"],
            ])
    }
}
