import MIGModel
import NVML
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// Opens the binding on the simulated library and a node. For exit tests, like `withClient`.
func withSession(of node: String, _ body: (NVMLSession) throws -> Void) {
    Environment.set(SimulatedNode.environmentVariable, node)
    do {
        try body(try NVMLSession(library: try BuiltProduct.path("libflexmig-simulated-nvml.so")))
    } catch {
        Issue.record("\(error)")
    }
}

/// The same for what waits.
func withSession(of node: String, _ body: (NVMLSession) async throws -> Void) async {
    Environment.set(SimulatedNode.environmentVariable, node)
    do {
        try await body(try NVMLSession(library: try BuiltProduct.path("libflexmig-simulated-nvml.so")))
    } catch {
        Issue.record("\(error)")
    }
}

/// What a call failed with: its name, its code and what it was about.
private func failure<Value>(_ body: () throws(NVMLFailure) -> Value) -> String {
    do throws(NVMLFailure) {
        _ = try body()
        return "success"
    } catch {
        return "\(error)"
    }
}

/// The binding against the simulated library: the calls that the product makes on hardware too.
struct NVMLSessionTests {
    @Test func tellsWhoAnswers() async throws {
        let fixture = try NodeFixture("h200-141gb:2")
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withSession(of: path) { session in
                expect(session.simulatedNode, path)
                expect(session.libraryPath.hasSuffix("/libflexmig-simulated-nvml.so"), true)
                expect(try session.driverVersion(), "595.58.03")
                expect(try session.deviceCount(), 2)
                let gpu = try session.device(at: 1)
                expect(try session.name(of: gpu), "NVIDIA H200")
                expect(try session.uuid(of: gpu), try SimulatedNode(opening: path).state().gpus[1].uuid)
                expect(try session.minorNumber(of: gpu), 1)
                expect(try session.pci(of: gpu).busID, "00000000:08:00.0")
                expect(try session.pci(of: gpu).deviceID, 0x2335)
                expect(try session.totalMemory(of: gpu), 143_771 << 20)
                expect(session.numaNode(of: gpu), 1)
                expect(try session.migMode(of: gpu)?.current, true)
            }
        }
    }

    /// Profiles as the model has them, with the names that the driver gives.
    @Test(arguments: GPUModel.all.map(\.id.rawValue))
    func profiles(model: String) async throws {
        let fixture = try NodeFixture(model)
        await #expect(processExitsWith: .success) { [path = fixture.path as String, model] in
            withSession(of: path) { session in
                let gpu = try session.device(at: 0)
                let known = (GPUModel.named(model)?.geometry.profiles ?? []).sorted { $0.index < $1.index }
                let profiles = try session.profiles(of: gpu)
                expect(profiles.map(\.index), known.map(\.index))
                expect(profiles.map(\.id), known.map(\.id.rawValue))
                expect(profiles.map(\.name), known.map(\.name))
                expect(profiles.map(\.memoryMiB), known.map { $0.memoryMiB ?? 0 })
                expect(profiles.map(\.multiprocessors), known.map { $0.multiprocessors ?? 0 })
                expect(profiles.map(\.maximumInstances), known.map(\.maximumInstances))
                expect(profiles.map(\.copyEngines), known.map(\.engines.copy))
                expect(profiles.map(\.opticalFlowEngines), known.map(\.engines.ofa))
                for profile in known {
                    let places = try session.places(of: profile.id.rawValue, on: gpu)
                    expect(places.map { Placement(start: $0.start, size: $0.size) }, profile.placements, profile.name)
                }
            }
        }
    }

    /// The life of a leaf, from creation to destruction.
    @Test func theLifeOfALeaf() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withSession(of: path) { session in
                let gpu = try session.device(at: 0)
                let instance = try session.createGPUInstance(profile: 15, at: .init(start: 6, size: 2), on: gpu)
                expect(try session.gpuInstances(of: 15, on: gpu, capacity: 4), [instance])
                expect(try session.gpuInstances(of: 19, on: gpu, capacity: 7), [])
                let record = try session.record(of: instance)
                expect([record.id, record.profile, record.place.start, record.place.size], [6, 15, 6, 2])
                expect(try session.computeInstances(of: 0, in: instance, capacity: 1), [])
                let compute = try session.createComputeInstance(profile: 0, in: instance)
                expect(try session.computeInstances(of: 0, in: instance, capacity: 1), [compute])
                let device = try session.record(of: compute).device
                expect(try session.uuid(of: device).hasPrefix("MIG-"), true)
                expect(try session.attributes(of: device).memoryMiB, 9856)
                expect(try session.computeProcesses(on: device), [])
                let context = try SimulatedContext(
                    on: try session.uuid(of: device), of: try SimulatedNode(opening: path))
                expect(try session.computeProcesses(on: device), [.current])
                expect(
                    failure { () throws(NVMLFailure) in try session.destroy(compute) },
                    "nvmlComputeInstanceDestroy answered IN_USE (NVML code 19)")
                context.close()
                expect(
                    failure { () throws(NVMLFailure) in try session.destroy(instance) },
                    "nvmlGpuInstanceDestroy answered IN_USE (NVML code 19)")
                try session.destroy(compute)
                try session.destroy(instance)
                expect(
                    failure { () throws(NVMLFailure) in try session.destroy(instance) },
                    "nvmlGpuInstanceDestroy answered INVALID_ARGUMENT (NVML code 2)")
                expect(
                    failure { () throws(NVMLFailure) in try session.uuid(of: device) },
                    "nvmlDeviceGetUUID answered INVALID_ARGUMENT (NVML code 2)")
            }
        }
    }

    /// A refusal names the call and what it was about.
    @Test func refusalsNameWhatWasAsked() async throws {
        let fixture = try NodeFixture()
        try fixture.makeLeaf(at: 1)
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withSession(of: path) { session in
                let gpu = try session.device(at: 0)
                expect(
                    failure { () throws(NVMLFailure) in try session.device(at: 5) },
                    "nvmlDeviceGetHandleByIndex_v2 on GPU 5 answered INVALID_ARGUMENT (NVML code 2)")
                expect(
                    failure { () throws(NVMLFailure) in
                        try session.createGPUInstance(profile: 14, at: .init(start: 0, size: 2), on: gpu)
                    },
                    "nvmlDeviceCreateGpuInstanceWithPlacement on profile 14 at 0:2 answered INSUFFICIENT_RESOURCES (NVML code 23)"
                )
                expect(
                    failure { () throws(NVMLFailure) in try session.places(of: 77, on: gpu) },
                    "nvmlDeviceGetGpuInstancePossiblePlacements_v2 on profile 77 answered INVALID_ARGUMENT (NVML code 2)"
                )
                let instance = try session.gpuInstances(of: 19, on: gpu, capacity: 7)[0]
                expect(try session.computeProfile(at: 0, in: instance)?.computeSlices, 1)
                expect(try session.computeProfile(at: 2, in: instance)?.computeSlices, nil, "larger than the instance")
                expect(try session.computeProfile(at: 9, in: instance)?.computeSlices, nil, "past the end")
            }
        }
    }

    /// Many threads on one session, one call at a time: nothing is lost, nothing is made twice.
    @Test func threadsTakeTurns() async throws {
        let fixture = try NodeFixture("a100-40gb:8")
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            Environment.set(SimulatedNode.environmentVariable, path)
            let session = try NVMLSession(library: try BuiltProduct.path("libflexmig-simulated-nvml.so"))
            try await withThrowingTaskGroup { group in
                for gpu in 0..<8 {
                    group.addTask {
                        let device = try session.device(at: gpu)
                        for start in 0..<7 {
                            let instance = try session.createGPUInstance(
                                profile: 19, at: .init(start: start, size: 1), on: device)
                            _ = try session.createComputeInstance(profile: 0, in: instance)
                            expect(try session.gpuInstances(of: 19, on: device, capacity: 7).count, start + 1)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        let state = try fixture.node.state()
        #expect(state.gpus.flatMap(\.instances).count == 56)
        #expect(state.gpus.flatMap(\.instances).allSatisfy { $0.computeInstances.count == 1 })
        #expect(try fixture.events().count == 112)
    }

    // MARK: Starting

    @Test func sessionsCountTheirUsers() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withSession(of: path) { first in
                do {
                    let second = try NVMLSession(library: first.libraryPath)
                    expect(try second.deviceCount(), 1)
                }
                expect(try first.deviceCount(), 1, "the end of another session does not end this one")
            }
        }
    }

    @Test(arguments: [
        ("missing", "/no/such/libnvidia-ml.so.1", "cannot open shared object file"),
        ("no library", "/etc/passwd", "invalid ELF header"),
        ("not found by the loader", "libflexmig-no-such-nvml.so", "cannot open shared object file"),
        ("a directory", "/tmp", "Is a directory"),
    ])
    func whatCannotBeLoaded(word: String, path: String, reason: String) throws {
        let error = try #require(throws: NVMLLoadError.self) { try NVMLSession(library: path) }
        #expect(error.path == path)
        #expect(error.reason.contains(reason) || error.reason.contains("cannot read file data"), "\(word): \(error)")
        #expect(error.description.hasPrefix("\(path) can't be loaded: "))
    }

    @Test func anotherLibraryIsNoNVML() throws {
        let error = try #require(throws: NVMLLoadError.self) { try NVMLSession(library: "libm.so.6") }
        #expect(error.description == "libm.so.6 can't be loaded: it has no function nvmlInit_v2: not an NVML library")
    }

    @Test func aNodeThatIsNotThereIsNamed() async {
        await #expect(processExitsWith: .success) {
            Environment.set(SimulatedNode.environmentVariable, "/no/such/node")
            do {
                _ = try NVMLSession(library: try BuiltProduct.path("libflexmig-simulated-nvml.so"))
                Issue.record("it started")
            } catch {
                expect("\(error)", "nvmlInit_v2 on /no/such/node answered DRIVER_NOT_LOADED (NVML code 9)")
            }
        }
    }

    @Test func codesHaveNames() {
        #expect(NVMLError.insufficientResources.name == "INSUFFICIENT_RESOURCES")
        #expect(NVMLError.inUse.description == "IN_USE (NVML code 19)")
        #expect(NVMLError(rawValue: 4242).name == nil)
        #expect(NVMLError(rawValue: 4242).description == "NVML code 4242, which this version does not know")
        #expect(NVMLError(rawValue: -7).rawValue == -7)
        let failure = NVMLFailure(call: "nvmlInit_v2", error: .unknown)
        #expect(failure.description == "nvmlInit_v2 answered UNKNOWN (NVML code 999)")
    }
}
