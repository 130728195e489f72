import Glibc
import NVML
import Platform
import TestSupport
import Testing

/// The binding against a library that answers what no driver answers: `Tests/Programs/OddNVML`.
///
/// Each test runs in a process of its own, because the library's oddities are told it by the environment.
struct OddNVMLTests {
    private static func withOddSession(
        failing call: String = "", _ variables: [String: String] = [:], _ body: (NVMLSession) throws -> Void
    ) {
        Environment.set("ODD_NVML_FAILS", call)
        for (name, value) in variables { Environment.set(name, value) }
        do {
            try body(try NVMLSession(library: try BuiltProduct.path("libodd-nvml.so")))
        } catch {
            Issue.record("\(error)")
        }
    }

    /// Every call in turn answers 4242: the code is kept and the call is named.
    @Test(arguments: [
        "nvmlSystemGetDriverVersion", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetName",
        "nvmlDeviceGetUUID", "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetMigMode",
        "nvmlDeviceGetGpuInstanceProfileInfo", "nvmlDeviceGetGpuInstancePossiblePlacements_v2",
        "nvmlDeviceGetGpuInstances", "nvmlDeviceGetComputeRunningProcesses_v3",
        "nvmlDeviceCreateGpuInstanceWithPlacement", "nvmlGpuInstanceDestroy",
    ])
    func unknownCodesAreKept(call: String) async {
        await #expect(processExitsWith: .success) { [call] in
            Self.withOddSession(failing: call) { session in
                do {
                    _ = try session.driverVersion()
                    _ = try session.deviceCount()
                    let gpu = try session.device(at: 0)
                    _ = (try session.name(of: gpu), try session.uuid(of: gpu), try session.pci(of: gpu))
                    _ = (try session.totalMemory(of: gpu), try session.migMode(of: gpu), try session.profiles(of: gpu))
                    _ = (try session.places(of: 14, on: gpu), try session.gpuInstances(of: 14, on: gpu, capacity: 3))
                    _ = try session.computeProcesses(on: gpu)
                    try session.destroy(
                        try session.createGPUInstance(profile: 14, at: .init(start: 0, size: 2), on: gpu))
                    Issue.record("\(call) did not fail")
                } catch let failure as NVMLFailure {
                    expect(failure.call, call)
                    expect(failure.error.rawValue, 4242)
                    expect(
                        failure.description.contains("answered NVML code 4242, which this version does not know"), true)
                }
            }
        }
    }

    /// A library that does not start was not started: nothing ends it, which would end another user's session.
    @Test func aFailedStartIsNotEnded() async {
        await #expect(processExitsWith: .success) {
            Environment.set("ODD_NVML_FAILS", "nvmlInit_v2")
            let path = try BuiltProduct.path("libodd-nvml.so")
            do {
                _ = try NVMLSession(library: path)
                Issue.record("it started")
            } catch {
                expect("\(error)", "nvmlInit_v2 on \(path) answered NVML code 4242, which this version does not know")
            }
            expect(try RawLibrary(path: path).call("oddShutdowns"), 0, "calls of nvmlShutdown")
            Environment.set("ODD_NVML_FAILS", "")
            do { expect(try NVMLSession(library: path).simulatedNode, nil) }
            expect(try RawLibrary(path: path).call("oddShutdowns"), 1, "calls of nvmlShutdown")
        }
    }

    /// A driver that has the first version of the profile query only: everything but the name.
    @Test func oldProfileQueriesDo() async {
        await #expect(processExitsWith: .success) {
            Self.withOddSession { session in
                let profiles = try session.profiles(of: try session.device(at: 0))
                expect(profiles.map(\.id), [14])
                expect(profiles.map(\.index), [1])
                expect(profiles.map(\.name), [nil])
                expect(profiles.map(\.memoryMiB), [9856])
                expect(session.numaNode(of: try session.device(at: 0)), nil, "-1 is no node")
            }
        }
    }

    @Test func anEndlessEnumerationEnds() async {
        await #expect(processExitsWith: .success) {
            Self.withOddSession(["ODD_NVML_ENDLESS": "1"]) { session in
                expect(try session.profiles(of: try session.device(at: 0)).map(\.id), [14])
            }
        }
    }

    /// More processes than there was room for at first; and a library that always wants more room.
    @Test func roomForProcessesGrows() async {
        await #expect(processExitsWith: .success) {
            Self.withOddSession { session in
                let processes = try session.computeProcesses(on: try session.device(at: 0))
                expect(processes.map(\.rawValue), Array(1000..<1070))
                Environment.set("ODD_NVML_HUNGRY", "1")
                do {
                    _ = try session.computeProcesses(on: try session.device(at: 0))
                    Issue.record("it was content")
                } catch let failure as NVMLFailure {
                    expect(failure.error, .insufficientSize)
                }
            }
        }
    }

    @Test func missingFunctionsAreNamed() async {
        await #expect(processExitsWith: .success) {
            Self.withOddSession { session in
                do {
                    _ = try session.minorNumber(of: try session.device(at: 0))
                    Issue.record("it was there")
                } catch let failure as NVMLFailure {
                    expect(failure.description, "nvmlDeviceGetMinorNumber answered FUNCTION_NOT_FOUND (NVML code 13)")
                }
            }
        }
    }
}
