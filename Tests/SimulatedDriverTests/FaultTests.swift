import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// Faults on demand: what they are as values, how processes share them, and what each call meets.
struct FaultTests {
    static let kinds: [Fault] = [
        .inUse(3, gpu: 1), .inUse(nil, on: .destroying, gpu: 0, instance: 7), .insufficientResources(2),
        .code(777, of: "nvmlDeviceGetCount_v2"), .code(-5, of: "nvmlInit_v2", nil),
        Fault(.hang(milliseconds: 5), remaining: 1), Fault(.lost, gpu: 1), Fault(.structVersion(3)),
        Fault(.oldDriver("470.57.02")), Fault(.placement(.a100)),
    ]

    @Test(arguments: kinds)
    func isSharedByAllWhoOpenTheNode(fault: Fault) throws {
        let fixture = try NodeFixture("a100-40gb:2")
        let other = try SimulatedNode(opening: fixture.path)
        #expect(try other.faults().entries.isEmpty)
        let entry = try fixture.node.inject(fault)
        #expect(try other.faults().entries == [entry])
        #expect(entry.fault == fault)
        #expect(try other.clearFaults([entry.id]) == 1)
        #expect(try fixture.node.faults().entries.isEmpty)
        #expect(!Files.exists("\(fixture.path)/faults"), "a node without faults has no such file")
    }

    @Test func countsDownAndIsGone() throws {
        let fixture = try NodeFixture()
        try fixture.node.inject(.inUse(2, gpu: 0))
        let destroy = DriverCall("nvmlGpuInstanceDestroy", gpu: 0, instance: 7)
        #expect(try fixture.node.meet(DriverCall("nvmlDeviceGetCount_v2")).code == nil, "not about an instance")
        #expect(try fixture.node.meet(destroy).code == 19)
        #expect(try fixture.node.faults().entries.first?.fault.remaining == 1)
        #expect(try fixture.node.meet(destroy).code == 19)
        #expect(try fixture.node.meet(destroy).code == nil)
        #expect(try fixture.node.faults().entries.isEmpty)
        let logged = try fixture.events().filter { $0.name == "fault" }
        #expect(logged.map { $0.fields["code"] } == ["19", "19"])
        #expect(logged.first?.fields["call"] == "nvmlGpuInstanceDestroy")
    }

    /// Eight threads meet a fault of 100 calls: exactly 100 of their calls do.
    @Test func countsAcrossThreads() async throws {
        let fixture = try NodeFixture()
        try fixture.node.inject(.code(777, of: "nvmlDeviceGetCount_v2", 100))
        let met = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { [path = fixture.path as String] in
                    let node = try SimulatedNode(opening: path)
                    return try (0..<25).count { _ in try node.meet(DriverCall("nvmlDeviceGetCount_v2")).code == 777 }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(met == 100)
        #expect(try fixture.node.faults().entries.isEmpty)
    }

    @Test(
        arguments: [
            (Fault.inUse(gpu: 0), DriverCall("nvmlComputeInstanceDestroy", gpu: 0, instance: 7), 19),
            (.inUse(gpu: 1), DriverCall("nvmlComputeInstanceDestroy", gpu: 0, instance: 7), nil),
            (.inUse(gpu: 0, instance: 8), DriverCall("nvmlComputeInstanceDestroy", gpu: 0, instance: 7), nil),
            (.inUse(on: .destroying), DriverCall("nvmlDeviceCreateGpuInstance", gpu: 0), nil),
            (.insufficientResources(), DriverCall("nvmlDeviceCreateGpuInstanceWithPlacement", gpu: 0), 23),
            (.insufficientResources(), DriverCall("nvmlGpuInstanceDestroy", gpu: 0), nil),
            (.insufficientResources(), DriverCall("nvmlEventSetCreate"), nil),
            (Fault(.lost, gpu: 0), DriverCall("nvmlDeviceGetName", gpu: 0), 15),
            (Fault(.lost, gpu: 0), DriverCall("nvmlDeviceGetName", gpu: 1), nil),
            (Fault(.lost, gpu: 0), DriverCall("nvmlDeviceGetCount_v2"), nil),
            (Fault(.oldDriver("470.1")), DriverCall("nvmlGpmMetricsGet"), 13),
            (Fault(.oldDriver("470.1")), DriverCall("nvmlDeviceGetName", gpu: 0), nil),
            (Fault(.structVersion(3)), DriverCall("nvmlDeviceGetName", gpu: 0), nil),
        ] as [(Fault, DriverCall, Int32?)])
    func whoMeetsIt(fault: Fault, call: DriverCall, code: Int32?) throws {
        let fixture = try NodeFixture("a100-40gb:2")
        try fixture.node.inject(fault)
        #expect(try fixture.node.meet(call).code == code)
    }

    @Test func theFirstAnswerCountsAndHangsAddUp() throws {
        let fixture = try NodeFixture()
        try fixture.node.inject(.code(777, of: "nvmlInit_v2", 1))
        try fixture.node.inject(.code(19, of: "nvmlInit_v2", 1))
        try fixture.node.inject(Fault(.hang(milliseconds: 2)))
        try fixture.node.inject(Fault(.hang(milliseconds: 3)))
        let meetings = try (0..<3).map { _ in try fixture.node.meet(DriverCall("nvmlInit_v2")) }
        #expect(meetings.map(\.code) == [777, 19, nil])
        #expect(meetings.map(\.hangMilliseconds) == [5, 5, 5])
    }

    @Test func wrongFaultsAreRefused() throws {
        let fixture = try NodeFixture()
        #expect(throws: FaultProblem.noSuchGPU(4, count: 1)) { try fixture.node.inject(.inUse(gpu: 4)) }
        #expect(throws: FaultProblem.lostNeedsGPU) { try fixture.node.inject(Fault(.lost)) }
        #expect(throws: FaultProblem.noSuchGPU(1, count: 1)) { try fixture.node.post(xid: 94, gpu: 1) }
        #expect(throws: FaultProblem.noSuchLeaf("MIG-x")) {
            try fixture.node.addForeignProcess(ProcessID(rawValue: 4), on: "MIG-x")
        }
    }

    @Test(arguments: ["", "nonsense", "flexmig-simulated-faults 1\nend 0\n", "flexmig-simulated-faults 2\nend 0\n"])
    func aDamagedFileIsSaid(text: String) throws {
        let fixture = try NodeFixture()
        try Files.replace("\(fixture.path)/faults", with: Array(text.utf8))
        let error = try #require(throws: SimulatedNodeError.self) { try fixture.node.faults() }
        #expect(error.description.contains("can't be used as a simulated node"))
    }

    @Test func everyDamageOfAByteIsNoticed() throws {
        let fixture = try NodeFixture("a100-40gb:2")
        for fault in Self.kinds { try fixture.node.inject(fault) }
        let whole = try Files.read("\(fixture.path)/faults")
        for index in stride(from: 0, to: whole.count, by: 7) {
            var bytes = whole
            bytes[index] ^= 1
            try Files.replace("\(fixture.path)/faults", with: bytes)
            #expect(throws: SimulatedNodeError.self) { try fixture.node.faults() }
            try Files.replace("\(fixture.path)/faults", with: Array(whole.prefix(index)))
            #expect(throws: SimulatedNodeError.self) { try fixture.node.faults() }
        }
    }

    // MARK: Happenings

    @Test func foreignProcessesAreShownUntilCleared() throws {
        let fixture = try NodeFixture()
        let leaf = try fixture.makeLeaf(at: 0)
        try fixture.node.addForeignProcess(ProcessID(rawValue: 4242), on: leaf.uuid)
        try fixture.node.addForeignProcess(ProcessID(rawValue: 4242), on: leaf.uuid)
        let other = try SimulatedNode(opening: fixture.path)
        #expect(try other.processes(on: leaf).map(\.process.rawValue) == [4242])
        #expect(try other.foreignProcesses().count == 1)
        #expect(try other.clearForeignProcesses(on: "MIG-other") == 0)
        #expect(try other.clearFaults() == 1, "clearing all clears them too")
        #expect(try fixture.node.processes(on: leaf).isEmpty)
        #expect(try fixture.events().map(\.name) == ["context-open", "context-close"])
    }

    @Test(arguments: [("a100-40gb:1", true), ("h100-80gb:1", false), ("h200-141gb:1", false)])
    func aRestartTakesAllInstances(spec: String, keepsMode: Bool) throws {
        let fixture = try NodeFixture(spec)
        let leaf = try fixture.makeLeaf(at: 0)
        try fixture.node.addForeignProcess(ProcessID(rawValue: 4242), on: leaf.uuid)
        try fixture.node.restart()
        let gpu = try fixture.node.state().gpus[0]
        #expect(gpu.instances.isEmpty)
        #expect(gpu.migEnabled == keepsMode && gpu.migPending == keepsMode)
        #expect(try fixture.node.foreignProcesses().isEmpty)
        #expect(try fixture.events().last?.name == "driver-restart")
    }

    @Test func aDriverInUseIsNotRestarted() throws {
        let fixture = try NodeFixture()
        let leaf = try fixture.makeLeaf(at: 0)
        let holder = try fixture.holder(of: leaf.uuid)
        #expect(try holder.nextLine() != nil)
        #expect(throws: FaultProblem.self) { try fixture.node.restart() }
        #expect(try fixture.node.state().gpus[0].instances.count == 1)
    }

    /// What each habit does with the orders of creation that users have published.
    @Test(arguments: [
        (PlacementHabit.a100, [19, 14, 5], ["6:1", "4:2", "0:4"]),
        (.a100, [14, 19, 19, 19, 19, 19], ["4:2", "6:1", "0:1", "1:1", "2:1", "3:1"]),
        (.a100, [9, 19, 14, 19], ["4:4", "0:1", "2:2", "1:1"]), (.a100, [19, 19, 14, 9], ["6:1", "4:1", "0:2"]),
        (.a100, [9, 9], ["4:4", "0:4"]), (.h100, [9, 15, 19], ["0:4", "4:2", "6:1"]),
        (.last, [19, 9], ["6:1", "0:4"]),
    ])
    func habits(habit: PlacementHabit, profiles: [Int], places: [String]) throws {
        let fixture = try NodeFixture(habit == .h100 ? "h100-80gb:1" : "a100-40gb:1")
        try fixture.node.change { state, _ in
            for profile in profiles {
                _ = try? state.createGPUInstance(profile: profile, at: nil, on: 0, habit: habit)
            }
            return .init(())
        }
        #expect(try fixture.node.state().gpus[0].instances.map { "\($0.placement)" } == places)
    }

    @Test func noticesAreThoseAfterTheStart() throws {
        let fixture = try NodeFixture()
        try fixture.node.post(xid: 13, gpu: 0)
        var reader = try NoticeReader(fixture.node)
        #expect(try reader.next() == nil)
        try fixture.node.post(xid: 94, gpu: 0, instance: 7, compute: 0)
        try fixture.node.inject(Fault(.lost, gpu: 0))
        let first = try #require(try reader.next())
        #expect(first.type == DriverNotice.xid && first.data == 94)
        #expect(first.gpuInstance == 7 && first.computeInstance == 0)
        let second = try #require(try reader.next())
        #expect(second.type == DriverNotice.gpuUnavailable && second.gpuInstance == nil)
        #expect(try reader.next() == nil)
    }
}
