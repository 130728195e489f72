import DeviceInventory
import Diagnosis
import MIGModel
import Platform
import TestSupport
import Testing

/// What the doctor says of a driver beside this project's tables, and of the device files of instances.
struct DriverFindingsTests {
    /// A GPU as a driver would describe one of that model, with a change.
    static func gpu(
        _ model: GPUModel, index: Int = 0, mode: MIGMode = .on, leaves: Bool = false,
        _ change: (inout MIGGeometry) -> Void = { _ in }
    ) -> GPU {
        var geometry = model.geometry
        for row in geometry.profiles.indices {
            geometry.profiles[row].evidence = .driver
            geometry.profiles[row].placementEvidence = .driver
        }
        change(&geometry)
        let leaf = Leaf(
            uuid: MIGDeviceUUID(rawValue: "MIG-\(index)"), gpu: index, gpuInstance: GPUInstanceID(rawValue: 7),
            computeInstance: 0, profile: geometry.profiles[0].name, leafType: .thin,
            placement: Placement(start: 0, size: 1), memoryMiB: 1, multiprocessors: 1, numaNode: 0)
        return GPU(
            index: index, uuid: GPUUUID(rawValue: "GPU-\(index)"), name: model.name, model: model.id, busID: "0",
            numaNode: 0, memoryMiB: model.memoryMiB, migMode: mode, geometry: geometry, instances: [],
            leaves: leaves ? [leaf] : [], computeCapability: model.computeCapability)
    }

    static func findings(
        _ gpus: [GPU], driver: String = "595.58.03", capabilities: CapabilityFacts? = nil
    ) -> [Finding] {
        let identity = DriverIdentity(library: "nvml", version: driver, simulatedNode: nil)
        let node = NodeFacts(
            driver: .answers(NodeInventory(driver: identity, gpus: gpus)), states: ["free": 1],
            capabilities: capabilities)
        return Doctor(
            node: node, program: FindingsTests.program(), machine: FindingsTests.healthyMachine, engine: nil,
            plugin: nil
        ).findings()
    }

    @Test(arguments: GPUModel.all)
    func aDriverThatAgreesIsNotMentioned(model: GPUModel) {
        let ids = Self.findings([Self.gpu(model)]).map(\.id)
        #expect(!ids.contains("gpu-tables") && !ids.contains("driver-version") && !ids.contains("mig-pending"))
    }

    struct Difference: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let found: String
        let change: @Sendable (inout MIGGeometry) -> Void
    }

    @Test(arguments: [
        Difference(testDescription: "memory", found: "1g.5gb has 4736 MiB, not 4864") {
            $0.profiles[0].memoryMiB = 4736
        },
        Difference(testDescription: "SMs", found: "1g.5gb has 15 SMs, not 14") { $0.profiles[0].multiprocessors = 15 },
        Difference(testDescription: "name", found: "1g.5gb is called 1g.6gb") { $0.profiles[0].name = "1g.6gb" },
        Difference(testDescription: "count", found: "1g.5gb has 6 at most, not 7") {
            $0.profiles[0].maximumInstances = 6
        },
        Difference(testDescription: "places", found: "1g.5gb may lie at 0:1") {
            $0.profiles[0].placements = [Placement(start: 0, size: 1)]
        },
        Difference(testDescription: "missing", found: "7g.40gb is missing") { $0.profiles.removeLast() },
        Difference(testDescription: "new", found: "profile 1g.9gb (77) is new") {
            var profile = $0.profiles[0]
            (profile.id, profile.name) = (77, "1g.9gb")
            $0.profiles.append(profile)
        },
    ])
    func differencesAreNamed(difference: Difference) throws {
        let findings = Self.findings([
            Self.gpu(.a100With40GB, difference.change), Self.gpu(.a100With40GB, index: 1, difference.change),
        ])
        let finding = try #require(findings.first { $0.id == "gpu-tables" })
        #expect(finding.status == .note && finding.found.contains(difference.found), "\(finding)")
        #expect(finding.fix.contains("driver's answers are used"))
        #expect(finding.grade == .mig)
    }

    @Test func whatTheTableLacksIsAnAddition() throws {
        let gpu = Self.gpu(.h20) { $0.profiles[0].multiprocessors = 10 }
        let finding = try #require(Self.findings([gpu]).first { $0.id == "gpu-tables" })
        #expect(finding.found.contains("knows what the tables lack (h20-96gb: 1g.12gb has 10 SMs)"), "\(finding)")
    }

    @Test(arguments: [
        ("450.80.02", true), ("525.85.11", true), ("525.85.12", false), ("525.100", false), ("595.58.03", false),
        ("525", true), ("nonsense", true),
    ])
    func oldDriversAreProblems(version: String, isOld: Bool) throws {
        let finding = Self.findings([Self.gpu(.h100)], driver: version).first { $0.id == "driver-version" }
        #expect((finding != nil) == isOld)
        guard let finding else { return }
        #expect(finding.status == .problem && finding.found.contains("needs 525.85.12"), "\(finding)")
    }

    @Test func lostGPUsAreProblems() throws {
        let identity = DriverIdentity(library: "nvml", version: "595.58.03", simulatedNode: nil)
        let inventory = NodeInventory(driver: identity, gpus: [Self.gpu(.h100)], lost: [1, 3])
        let node = NodeFacts(driver: .answers(inventory), states: ["free": 1])
        let doctor = Doctor(
            node: node, program: FindingsTests.program(), machine: FindingsTests.healthyMachine, engine: nil,
            plugin: nil)
        let finding = try #require(doctor.findings().first { $0.id == "gpus-lost" })
        #expect(finding.status == .problem && finding.found.contains("GPU 1, GPU 3"), "\(finding)")
        let nothing = NodeFacts(driver: .answers(NodeInventory(driver: identity, gpus: [], lost: [0])))
        let ids = Doctor(
            node: nothing, program: FindingsTests.program(), machine: FindingsTests.healthyMachine, engine: nil,
            plugin: nil
        ).findings().map(\.id)
        #expect(ids.contains("gpus-lost") && !ids.contains("gpus") && !ids.contains("mig-mode"))
    }

    @Test func pendingModesAreSaid() throws {
        let gpus = [Self.gpu(.a100With40GB, mode: .pendingOn), Self.gpu(.h100, index: 1, mode: .pendingOff)]
        let finding = try #require(Self.findings(gpus).first { $0.id == "mig-pending" })
        #expect(finding.status == .warning)
        #expect(finding.found.contains("GPU 0: off, on after a reset, GPU 1: on, off after a reset"), "\(finding)")
        #expect(finding.fix.contains("nvidia-smi -i 0 --gpu-reset; nvidia-smi -i 1 --gpu-reset"), "\(finding)")
    }

    @Test(arguments: [(GPUModel.a100With40GB, "takes a reset"), (.h100, "lost when the driver unloads")])
    func modeOffSaysWhatSwitchingTakes(model: GPUModel, words: String) throws {
        let finding = try #require(Self.findings([Self.gpu(model, mode: .off)]).first { $0.id == "mig-mode" })
        #expect(finding.fix.contains("nvidia-smi -i 0 -mig 1") && finding.fix.contains(words), "\(finding)")
    }

    // MARK: Device files

    static func capabilities(_ nodes: [Int: CapabilityFacts.Node], major: Int? = 236) -> CapabilityFacts {
        CapabilityFacts(major: major, minors: [:], nodes: nodes)
    }
    static func node(_ minor: Int, major: Int = 236, isReadable: Bool = true) -> CapabilityFacts.Node {
        .init(numbers: DeviceNumbers(major: major, minor: minor), isReadable: isReadable)
    }

    /// GPU instance 7 of GPU 0 is minor 66 by the table's rule, its compute instance 0 is 67.
    @Test(
        arguments: [
            (capabilities([66: node(66), 67: node(67)]), Finding.Status.ok, "the 2 device files"),
            (capabilities([66: node(66)]), .problem, "1 are missing"),
            (capabilities([:]), .problem, "2 are missing"),
            (capabilities([66: node(66), 67: node(68)]), .problem, "1 have wrong device numbers"),
            (capabilities([66: node(66, major: 1), 67: node(67)]), .problem, "1 have wrong device numbers"),
            (
                capabilities([66: .init(numbers: nil, isReadable: true), 67: node(67)]), .problem,
                "1 have wrong device numbers"
            ),
            (capabilities([66: node(66), 67: node(67, isReadable: false)]), .warning, "1 can't be read"),
            (capabilities([:], major: nil), .problem, "nvidia-caps is not in /proc/devices"),
        ] as [(CapabilityFacts, Finding.Status, String)])
    func deviceFiles(facts: CapabilityFacts, status: Finding.Status, found: String) throws {
        let findings = Self.findings([Self.gpu(.h100, leaves: true)], capabilities: facts)
        let finding = try #require(findings.first { $0.id == "capabilities" })
        #expect(finding.status == status && finding.found.contains(found), "\(finding)")
        #expect(finding.grade == .machine)
        if found.contains("missing") {
            #expect(finding.fix.contains("nvidia-modprobe -f /proc/driver/nvidia/capabilities/gpu0/mig/gi7"))
        }
        if found.contains("read") { #expect(finding.fix.contains("chmod a+r /dev/nvidia-caps/nvidia-cap67")) }
    }

    @Test func theTablesOfAMachineAreRead() throws {
        let root = try TemporaryDirectory()
        try Files.makeDirectories(root.path("proc/driver/nvidia-caps"))
        try Files.makeDirectories(root.path("dev/nvidia-caps"))
        try Files.replace(
            root.path("proc/devices"),
            with: Array("Character devices:\n  1 mem\n236 nvidia-caps\n\nBlock devices:\n".utf8))
        try Files.replace(
            root.path("proc/driver/nvidia-caps/mig-minors"), with: Array("config 1\ngpu0/gi7/access 66\n".utf8))
        try Files.replace(root.path("dev/nvidia-caps/nvidia-cap66"), with: [])
        let facts = CapabilityFacts.read(root: root.path)
        #expect(facts.major == 236)
        #expect(facts.minors["gpu0/gi7/access"] == 66 && facts.minors["config"] == 1)
        #expect(facts.nodes.keys.sorted() == [66])
        #expect(facts.nodes[66]?.numbers == nil, "a file is no device")
        #expect(
            CapabilityFacts.read(root: root.path("nothing")) == CapabilityFacts(major: nil, minors: [:], nodes: [:]))
        #expect(DeviceNumbers(of: "/dev/null") == DeviceNumbers(major: 1, minor: 3))
    }
}
