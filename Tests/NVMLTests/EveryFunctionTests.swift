import Glibc
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// Every exported function against NULL, made-up handles and numbers, before the start and after the end.
///
/// Each test runs in a process of its own: a crash is that process's end, and the session and the node of a library
/// are its process's.
struct EveryFunctionTests {
    /// What an argument is: `h` a handle, `p` where something is written, `q` the same but NULL is allowed, `s` a text,
    /// `n` a number.
    static let functions: [(name: String, arguments: String)] = [
        ("nvmlSystemGetDriverVersion", "pn"), ("nvmlSystemGetNVMLVersion", "pn"),
        ("nvmlSystemGetCudaDriverVersion", "p"), ("nvmlSystemGetCudaDriverVersion_v2", "p"),
        ("nvmlDeviceGetCount", "p"), ("nvmlDeviceGetCount_v2", "p"),
        ("nvmlDeviceGetHandleByIndex", "np"), ("nvmlDeviceGetHandleByIndex_v2", "np"),
        ("nvmlDeviceGetHandleByUUID", "sp"),
        ("nvmlDeviceGetHandleByPciBusId", "sp"), ("nvmlDeviceGetHandleByPciBusId_v2", "sp"),
        ("nvmlDeviceGetName", "hpn"), ("nvmlDeviceGetUUID", "hpn"),
        ("nvmlDeviceGetIndex", "hp"), ("nvmlDeviceGetMinorNumber", "hp"), ("nvmlDeviceGetNumaNodeId", "hp"),
        ("nvmlDeviceGetPciInfo_v3", "hp"), ("nvmlDeviceGetMemoryInfo", "hp"),
        ("nvmlDeviceGetCudaComputeCapability", "hpp"), ("nvmlDeviceGetArchitecture", "hp"),
        ("nvmlDeviceGetUtilizationRates", "hp"),
        ("nvmlDeviceGetMigMode", "hpp"), ("nvmlDeviceSetMigMode", "hnp"),
        ("nvmlDeviceIsMigDeviceHandle", "hp"), ("nvmlDeviceGetMaxMigDeviceCount", "hp"),
        ("nvmlDeviceGetMigDeviceHandleByIndex", "hnp"), ("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", "hp"),
        ("nvmlDeviceGetGpuInstanceId", "hp"), ("nvmlDeviceGetComputeInstanceId", "hp"),
        ("nvmlDeviceGetAttributes", "hp"), ("nvmlDeviceGetAttributes_v2", "hp"),
        ("nvmlDeviceGetComputeRunningProcesses_v2", "hpq"), ("nvmlDeviceGetComputeRunningProcesses_v3", "hpq"),
        ("nvmlDeviceGetGraphicsRunningProcesses_v3", "hpq"),
        ("nvmlDeviceGetGpuInstanceProfileInfo", "hnp"), ("nvmlDeviceGetGpuInstanceProfileInfoV", "hnp"),
        ("nvmlDeviceGetGpuInstancePossiblePlacements", "hnqp"),
        ("nvmlDeviceGetGpuInstancePossiblePlacements_v2", "hnqp"),
        ("nvmlDeviceGetGpuInstanceRemainingCapacity", "hnp"),
        ("nvmlDeviceCreateGpuInstance", "hnp"), ("nvmlDeviceCreateGpuInstanceWithPlacement", "hnpp"),
        ("nvmlDeviceGetGpuInstances", "hnqp"), ("nvmlDeviceGetGpuInstanceById", "hnp"),
        ("nvmlGpuInstanceGetInfo", "hp"), ("nvmlGpuInstanceGetComputeInstanceProfileInfo", "hnnp"),
        ("nvmlGpuInstanceGetComputeInstanceRemainingCapacity", "hnp"),
        ("nvmlGpuInstanceCreateComputeInstance", "hnp"), ("nvmlGpuInstanceGetComputeInstances", "hnqp"),
        ("nvmlGpuInstanceGetComputeInstanceById", "hnp"),
        ("nvmlComputeInstanceGetInfo", "hp"), ("nvmlComputeInstanceGetInfo_v2", "hp"),
        ("nvmlComputeInstanceDestroy", "h"), ("nvmlGpuInstanceDestroy", "h"),
        ("nvmlDeviceGetMemoryInfo_v2", "hp"), ("nvmlDeviceGetBAR1MemoryInfo", "hp"),
        ("nvmlDeviceGetCpuAffinity", "hnp"), ("nvmlDeviceGetCpuAffinityWithinScope", "hnpn"),
        ("nvmlDeviceGetMemoryAffinity", "hnpn"), ("nvmlDeviceGetTopologyCommonAncestor", "hhp"),
        ("nvmlDeviceGetTopologyNearestGpus", "hnpq"), ("nvmlDeviceGetP2PStatus", "hhnp"),
        ("nvmlDeviceGetMPSComputeRunningProcesses_v3", "hpq"),
        ("nvmlDeviceGetGpuInstanceProfileInfoByIdV", "hnp"),
        ("nvmlGpuInstanceGetComputeInstanceProfileInfoV", "hnnp"),
        ("nvmlGpuInstanceGetComputeInstancePossiblePlacements", "hnqp"),
        ("nvmlGpuInstanceCreateComputeInstanceWithPlacement", "hnpp"),
        ("nvmlGpmQueryDeviceSupport", "hp"), ("nvmlGpmSampleAlloc", "p"), ("nvmlGpmSampleFree", "h"),
        ("nvmlGpmSampleGet", "hh"), ("nvmlGpmMigSampleGet", "hnh"), ("nvmlGpmMetricsGet", "p"),
        ("nvmlEventSetCreate", "p"), ("nvmlEventSetFree", "h"),
        ("nvmlEventSetWait", "hpn"), ("nvmlEventSetWait_v2", "hpn"),
        ("nvmlDeviceGetSupportedEventTypes", "hp"), ("nvmlDeviceRegisterEvents", "hnh"),
    ]

    /// Those that work without a session.
    static let others = [
        "nvmlInit", "nvmlInit_v2", "nvmlInitWithFlags", "nvmlShutdown", "nvmlErrorString", "flexmigSimulatedNode",
        "flexmigSimulatedCalls",
    ]

    /// The names that the library has for others are those of this table.
    @Test func theTableIsComplete() throws {
        let library = try RawLibrary(path: try BuiltProduct.path("libflexmig-simulated-nvml.so"))
        for name in Self.functions.map(\.name) + Self.others { #expect(library.has(name), "\(name)") }
        guard let exported = try ELF.exportedNames(of: "libflexmig-simulated-nvml.so") else { return }
        #expect(exported == Set(Self.functions.map(\.name) + Self.others))
    }

    @Test func beforeTheStartAndAfterTheEnd() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path, initialized: false) { client in
                func expectRefusals(_ when: String) {
                    let scratch = Scratch("GPU-0")
                    for (name, arguments) in Self.functions {
                        let words = arguments.map { "hn".contains($0) ? 1 : scratch.word } + [0, 0, 0]
                        let code = client.code(name, words[0], words[1], words[2], words[3])
                        expect(code, Answer.uninitialized, "\(name) \(when)")
                        expect(client.code(name, 0, 0, 0, 0), Answer.uninitialized, "\(name) with zeros \(when)")
                    }
                    expect(client.code("nvmlShutdown"), Answer.uninitialized, "nvmlShutdown \(when)")
                }
                expectRefusals("before the start")
                for start in ["nvmlInit", "nvmlInit_v2", "nvmlInitWithFlags"] {
                    expect(client.code(start, 2), Answer.success, start)
                }
                for _ in 0..<3 {
                    expect(client.number("nvmlDeviceGetCount_v2"), 1, "as long as one user is left")
                    expect(client.code("nvmlShutdown"), Answer.success)
                }
                expectRefusals("after the end")
            }
        }
    }

    /// NULL for anything that is needed is refused, and nothing is done then: neither an instance nor a mode is left.
    @Test func nullIsRefused() async throws {
        let fixture = try NodeFixture()
        try fixture.makeLeaf(at: 0)
        let before = try fixture.node.state()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let handles = LivingHandles(client)
                for (name, arguments) in Self.functions {
                    for (position, kind) in arguments.enumerated() where "hps".contains(kind) {
                        let scratch = Scratch()
                        let text = Scratch(name == "nvmlDeviceGetHandleByUUID" ? handles.uuid : "00000000:07:00.0")
                        var words = arguments.map { kind in
                            switch kind {
                            case "h": handles.handle(for: name)
                            case "n": handles.number(for: name)
                            case "s": text.word
                            default: scratch.word
                            }
                        }
                        words[position] = 0
                        words += [0, 0, 0]
                        let code = client.code(name, words[0], words[1], words[2], words[3])
                        let isWrong =
                            code == Answer.invalidArgument || name == "nvmlDeviceGetUtilizationRates" && position == 1
                        expect(isWrong, true, "\(name) with NULL at \(position), answering \(code ?? -1)")
                    }
                }
            }
        }
        #expect(try fixture.node.state() == before)
    }

    /// Handles of nothing, of the wrong kind, and from another life.
    @Test func madeUpHandlesAreRefused() async throws {
        let fixture = try NodeFixture()
        try fixture.makeLeaf(at: 0)
        let before = try fixture.node.state()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let handles = LivingHandles(client)
                let gpu = handles.handle(for: "nvmlDeviceGetName")
                let mark = gpu & ~0xffff_ffff_ffff & ~(0xf << 48)
                var madeUp: [UInt] = [
                    1, 8, 0xdead_beef, 0x7fff_ffff_f000, UInt(Int.max), .max, gpu + 1, gpu | 0xffff_ffff_ffff,
                ]
                for kind in 0..<16 as Range<UInt> {
                    madeUp += [mark | kind << 48 | 77, mark | kind << 48 | 0xffff_ffff_ffff]
                }
                for (name, arguments) in Self.functions where arguments.first == "h" {
                    let wrongKinds = handles.all.filter { !handles.mayBe($0, for: name) }
                    for handle in madeUp + wrongKinds {
                        let scratch = Scratch()
                        let words =
                            [handle]
                            + arguments.dropFirst().map { $0 == "n" ? handles.number(for: name) : scratch.word } + [
                                0, 0, 0,
                            ]
                        let code = client.code(name, words[0], words[1], words[2], words[3])
                        expect(code, Answer.invalidArgument, "\(name) of \(String(handle, radix: 16))")
                    }
                }
            }
        }
        #expect(try fixture.node.state() == before)
    }

    /// Thousands of calls with arguments drawn from what exists, what does not and the edges of numbers: every answer is
    /// a known code, and the node can be read afterwards.
    @Test func randomCallsNeverCrash() async throws {
        let fixture = try NodeFixture("a100-40gb:2")
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            var random = SplitMix(seed: 2511)
            withClient(of: path) { client in
                let known: Set<Int32?> = [0, 2, 3, 6, 7, 10, 19, 23, 25]
                let handles = LivingHandles(client)
                var pool = handles.all + [0, 1]
                let numbers: [UInt] = [
                    0, 1, 2, 3, 4, 5, 7, 8, 9, 14, 15, 19, 20, 96, 255, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
                ]
                for turn in 0..<6000 {
                    guard let (name, arguments) = Self.functions.randomElement(using: &random) else { return }
                    let scratches = (0..<4).map { _ in Scratch("GPU-") }
                    for scratch in scratches {
                        scratch.set(numbers.randomElement(using: &random).map { $0 & 127 } ?? 0)
                    }
                    let words =
                        arguments.enumerated().map { position, kind -> UInt in
                            switch kind {
                            case "h": pool.randomElement(using: &random) ?? 0
                            // A buffer's length is at most what the buffer has; a text of the test is always ended.
                            case "n" where arguments.hasSuffix("pn"):
                                numbers.filter { $0 < 4096 }.randomElement(using: &random) ?? 0
                            case "n": numbers.randomElement(using: &random) ?? 0
                            default: Int.random(in: 0..<9, using: &random) == 0 ? 0 : scratches[position].word
                            }
                        } + [0, 0, 0]
                    let code = client.code(name, words[0], words[1], words[2], words[3])
                    expect(
                        known.contains(code), true, "seed \(random.seed), turn \(turn): \(name) answering \(code ?? -1)"
                    )
                    if name.contains("Create"), code == 0, let out = arguments.lastIndex(of: "p") {
                        pool.append(scratches[arguments.distance(from: arguments.startIndex, to: out)].pointer)
                    }
                }
                expect(client.number("nvmlDeviceGetCount_v2"), 2)
            }
        }
        #expect(try fixture.node.state().gpus.count == 2)
    }

    @Test func errorStringsAreTexts() async throws {
        await #expect(processExitsWith: .success) {
            withClient(of: nil, initialized: false) { client in
                for (code, text) in [
                    (0, "The operation was successful"), (2, "Invalid Argument"), (19, "In use by another client"),
                    (23, "Insufficient Resources"), (4242, "Unknown Error"), (-1, "Unknown Error"),
                    (.min, "Unknown Error"),
                ] as [(Int32, String)] {
                    expect(client.library.errorString(code), text)
                }
            }
        }
    }
}

/// Living handles of each kind, so that one wrong argument is the only one.
struct LivingHandles {
    let gpu: UInt
    let instance: UInt
    let compute: UInt
    let device: UInt
    let eventSet: UInt
    /// The GPU's.
    let uuid: String

    init(_ client: Client) {
        gpu = client.gpu()
        uuid = client.text("nvmlDeviceGetUUID", gpu)
        if client.number("nvmlDeviceGetMigDeviceHandleByIndex", gpu, 0) == nil { _ = client.leaf(at: 0, on: gpu) }
        device = client.handle("nvmlDeviceGetMigDeviceHandleByIndex", gpu, 0)
        instance = client.handle("nvmlDeviceGetGpuInstanceById", gpu, 7)
        compute = client.handle("nvmlGpuInstanceGetComputeInstanceById", instance, 0)
        eventSet = client.handle("nvmlEventSetCreate")
    }

    var all: [UInt] { [gpu, instance, compute, device, eventSet] }

    /// The handle that a function takes.
    func handle(for name: String) -> UInt {
        if name.hasPrefix("nvmlGpuInstance") { return instance }
        if name.hasPrefix("nvmlComputeInstance") { return compute }
        if name.hasPrefix("nvmlEventSet") { return eventSet }
        return Self.ofMIGDevices.contains(name) ? device : gpu
    }

    func mayBe(_ handle: UInt, for name: String) -> Bool {
        handle == self.handle(for: name) || handle == device && Self.ofBoth.contains(name)
    }

    /// A number that the function is content with: a living id, the 1g profile or its index.
    func number(for name: String) -> UInt {
        if name.hasSuffix("PossiblePlacements") || name.hasSuffix("PossiblePlacements_v2")
            || name.hasSuffix("GpuInstances")
            || name.hasPrefix("nvmlDeviceCreate") || name == "nvmlDeviceGetGpuInstanceRemainingCapacity"
        {
            return 19
        }
        if name == "nvmlDeviceGetGpuInstanceById" { return 7 }
        return name == "nvmlDeviceGetName" || name == "nvmlDeviceGetUUID" || name.hasPrefix("nvmlSystem") ? 96 : 0
    }

    private static let ofMIGDevices = [
        "nvmlDeviceGetDeviceHandleFromMigDeviceHandle", "nvmlDeviceGetGpuInstanceId", "nvmlDeviceGetComputeInstanceId",
        "nvmlDeviceGetAttributes", "nvmlDeviceGetAttributes_v2",
    ]
    private static let ofBoth = [
        "nvmlDeviceGetName", "nvmlDeviceGetUUID", "nvmlDeviceGetIndex", "nvmlDeviceGetMemoryInfo",
        "nvmlDeviceGetCudaComputeCapability", "nvmlDeviceGetArchitecture", "nvmlDeviceGetUtilizationRates",
        "nvmlDeviceIsMigDeviceHandle", "nvmlDeviceGetComputeRunningProcesses_v2",
        "nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v3",
        "nvmlDeviceGetMPSComputeRunningProcesses_v3", "nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetBAR1MemoryInfo",
        "nvmlDeviceGetCpuAffinity", "nvmlDeviceGetCpuAffinityWithinScope", "nvmlDeviceGetMemoryAffinity",
        "nvmlGpmQueryDeviceSupport",
    ]
}
