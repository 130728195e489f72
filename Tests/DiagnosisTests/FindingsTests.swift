import DeviceInventory
import Diagnosis
import MIGModel
import Runtimes
import Testing

/// What the doctor says of facts: a table of things that can be wrong, one at a time.
struct FindingsTests {
    static let healthyMachine = MachineFacts(
        sharedMemory: .init(type: "tmpfs", totalBytes: 8 << 30, freeBytes: 7 << 30, isWritable: true),
        limits: ["Max open files": 65536], container: nil, processors: 64, ptraceScope: 0, hasInfiniBand: false)

    static func program(
        _ nccl: NCCLFinding = .none("it is sh"), command: [String] = ["train"],
        plugin: NCCLPluginFile = .usable("/opt/p.so"), settings: [String: UserSetting] = [:],
        choice: RuntimeChoice = .auto
    ) -> ProgramFacts {
        ProgramFacts(
            command: command,
            facts: RuntimeFacts(
                ranks: 2, isOneHost: true, gpus: [], driver: "580.1", nccl: nccl, plugin: plugin,
                torch: .init(interpreter: nil, hasTorch: false, packageFolder: "/opt/python", library: nil),
                settings: settings, processorsPerRank: 16),
            choice: choice, base: [:], torch: nil)
    }

    static func gpu(_ mode: MIGMode, leaves: Int = 7) -> GPU {
        GPU(
            index: 0, uuid: GPUUUID(rawValue: "GPU-0"), name: "NVIDIA H100", model: nil, busID: "0", numaNode: 0,
            memoryMiB: 81920, migMode: mode, geometry: MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: []),
            instances: [],
            leaves: (0..<leaves).map {
                Leaf(
                    uuid: MIGDeviceUUID(rawValue: "MIG-\($0)"), gpu: 0, gpuInstance: GPUInstanceID(rawValue: $0),
                    computeInstance: 0, profile: "1g.10gb", leafType: .thin, placement: Placement(start: $0, size: 1),
                    memoryMiB: 9856, multiprocessors: 16, numaNode: 0)
            })
    }

    static func node(_ gpus: [GPU], simulated: Bool = false, states: [String: Int] = ["free": 7]) -> NodeFacts {
        NodeFacts(
            driver: .answers(
                NodeInventory(
                    driver: DriverIdentity(library: "nvml", version: "580.1", simulatedNode: simulated ? "/n" : nil),
                    gpus: gpus)),
            states: states)
    }

    static func findings(
        node: NodeFacts = node([gpu(.on)]), program: ProgramFacts = program(),
        machine: MachineFacts = healthyMachine, engine: TrialOutcome? = .passed, plugin: TrialOutcome? = .passed
    ) -> [Finding] {
        Doctor(node: node, program: program, machine: machine, engine: engine, plugin: plugin).findings()
    }

    static func machine(_ change: (inout MachineFacts) -> Void) -> MachineFacts {
        var machine = healthyMachine
        change(&machine)
        return machine
    }

    @Test func allIsWell() {
        let findings = Self.findings()
        #expect(findings.filter { $0.status == .problem || $0.status == .warning } == [])
        #expect(Doctor.verdict(findings).exitCode == 0)
        #expect(Set(findings.map(\.id)).count == findings.count)
        #expect(findings.allSatisfy { !$0.fix.isEmpty && !$0.found.isEmpty })
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let word: String
        let id: String
        let status: Finding.Status
        let found: String
        let fix: String
        let make: @Sendable () -> [Finding]
        var testDescription: String { word }
    }

    static let rows: [Row] = [
        Row(word: "no driver", id: "driver", status: .problem, found: "no NVIDIA driver", fix: "--simulate") {
            findings(node: NodeFacts(driver: .silent("no NVIDIA driver was found", advice: nil)))
        },
        Row(word: "no GPU", id: "gpus", status: .problem, found: "no GPU", fix: "--gpus all") {
            findings(node: node([]))
        },
        Row(word: "MIG off", id: "mig-mode", status: .problem, found: "GPU 0: off", fix: "nvidia-smi -i 0 -mig 1") {
            findings(node: node([gpu(.off, leaves: 0)], states: [:]))
        },
        Row(word: "no leaves", id: "leaves", status: .problem, found: "no leaves", fix: "flexmig node flatten") {
            findings(node: node([gpu(.on, leaves: 0)], states: [:]))
        },
        Row(word: "orphans", id: "leaves", status: .warning, found: "2 orphaned", fix: "next flexmig run") {
            findings(node: node([gpu(.on)], states: ["free": 5, "orphaned": 2]))
        },
        Row(word: "no shm", id: "shared-memory", status: .problem, found: "no /dev/shm", fix: "mount -t tmpfs") {
            findings(machine: machine { $0.sharedMemory = nil })
        },
        Row(word: "docker's shm", id: "shared-memory", status: .warning, found: "64 MiB", fix: "--shm-size") {
            findings(
                machine: machine {
                    $0.container = "docker"
                    $0.sharedMemory = .init(type: "tmpfs", totalBytes: 64 << 20, freeBytes: 64 << 20, isWritable: true)
                })
        },
        Row(word: "full shm", id: "shared-memory", status: .problem, found: "3 MiB free", fix: "Remove") {
            findings(machine: machine { $0.sharedMemory?.freeBytes = 3 << 20 })
        },
        Row(word: "read-only shm", id: "shared-memory", status: .problem, found: "not writable", fix: "chmod") {
            findings(machine: machine { $0.sharedMemory?.isWritable = false })
        },
        Row(word: "shm on a disk", id: "shared-memory", status: .warning, found: "ext4", fix: "tmpfs") {
            findings(machine: machine { $0.sharedMemory?.type = "ext4" })
        },
        Row(word: "few files", id: "open-files", status: .warning, found: "256", fix: "ulimit -n") {
            findings(machine: machine { $0.limits["Max open files"] = 256 })
        },
        Row(word: "address space", id: "address-space", status: .problem, found: "CUDA", fix: "ulimit -v") {
            findings(machine: machine { $0.limits["Max address space"] = 1 << 33 })
        },
        Row(word: "file size", id: "file-size", status: .problem, found: "4096", fix: "ulimit -f") {
            findings(machine: machine { $0.limits["Max file size"] = 4096 })
        },
        Row(word: "locked memory", id: "locked-memory", status: .warning, found: "InfiniBand", fix: "memlock") {
            findings(
                machine: machine {
                    $0.hasInfiniBand = true
                    $0.limits["Max locked memory"] = 65536
                })
        },
        Row(word: "few CPUs", id: "cpus", status: .warning, found: "2 CPUs", fix: "CPUs") {
            findings(machine: machine { $0.processors = 2 })
        },
        Row(word: "container", id: "container", status: .note, found: "/dev/shm", fix: "--ipc=host") {
            findings(machine: machine { $0.container = "podman" })
        },
        Row(word: "ptrace", id: "process-memory", status: .note, found: "ptrace_scope is 1", fix: "sysctl") {
            findings(machine: machine { $0.ptraceScope = 1 })
        },
        Row(word: "no program", id: "nccl", status: .note, found: "no program", fix: "flexmig doctor --") {
            findings(program: program(command: []))
        },
        Row(word: "broken NCCL", id: "nccl", status: .problem, found: "/x can't be loaded", fix: "Unset it.") {
            findings(program: program(.broken(path: "/x", reason: "it is text", advice: "Unset it.")))
        },
        Row(word: "no plugin", id: "plugin", status: .warning, found: "not installed", fix: "make build") {
            findings(program: program(plugin: .missing(lookedAt: ["/p"])), plugin: nil)
        },
        Row(word: "another's plugin", id: "plugin", status: .problem, found: "aarch64", fix: "FLEXMIG_PLUGIN") {
            findings(program: program(plugin: .unusable(path: "/p", reason: "it is for aarch64", isChosen: true)))
        },
        Row(
            word: "one identity", id: "setting-NCCL_HOSTID", status: .warning, found: "duplicates",
            fix: "unset NCCL_HOSTID"
        ) {
            findings(program: program(settings: ["NCCL_HOSTID": UserSetting(value: "me")]))
        },
        Row(word: "what auto takes", id: "choice", status: .ok, found: "auto takes runtime nccl-plugin", fix: "nothing")
        {
            findings()
        },
        Row(
            word: "what the variable takes", id: "choice", status: .ok,
            found: "FLEXMIG_RUNTIME=nccl-socket takes runtime nccl-socket", fix: "nothing"
        ) {
            findings(program: program(choice: .ncclSocket))
        },
        Row(
            word: "what the variable can't have", id: "choice", status: .problem, found: "nccl-plugin is not possible",
            fix: "unset FLEXMIG_RUNTIME"
        ) {
            findings(program: program(plugin: .missing(lookedAt: ["/p"]), choice: .ncclPlugin), plugin: nil)
        },
        Row(word: "engine", id: "self-test-engine", status: .problem, found: "rank 1: bus error", fix: "/dev/shm") {
            findings(engine: .failed("rank 1: bus error"))
        },
        Row(word: "plugin fails", id: "self-test-plugin", status: .problem, found: "init answers 3", fix: "nccl-socket")
        {
            findings(plugin: .failed("rank 0: the plugin's init answers 3"))
        },
    ]

    @Test(arguments: rows) func finding(row: Row) throws {
        let findings = row.make()
        let finding = try #require(findings.first { $0.id == row.id }, "\(findings.map(\.id))")
        #expect(finding.status == row.status && finding.found.contains(row.found), "\(finding)")
        #expect(finding.fix.contains(row.fix), "\(finding)")
        #expect(Doctor.verdict(findings).exitCode == (findings.contains { $0.status == .problem } ? 1 : 0))
    }

    @Test func gradesAreThoseOfTheDriver() throws {
        func grade(_ node: NodeFacts) throws -> Finding.Grade {
            try #require(Self.findings(node: node).first { $0.id == "gpus" }).grade
        }
        #expect(try grade(Self.node([Self.gpu(.on)])) == .mig)
        #expect(try grade(Self.node([Self.gpu(.off, leaves: 0)])) == .gpuWithoutMIG)
        #expect(try grade(Self.node([Self.gpu(.on)], simulated: true)) == .simulated)
    }

    /// A route is graded by what this project has run of it, with whose variables.
    @Test(arguments: [
        ("nccl", Finding.Grade.documented), ("nccl-plugin", .trafficWithoutMIG), ("nccl-socket", .trafficWithoutMIG),
        ("flexmig", .gpuWithoutMIG),
    ])
    func gradesOfRoutes(route: String, grade: Finding.Grade) throws {
        let finding = try #require(Self.findings().first { $0.id == "route-\(route)" })
        #expect(finding.grade == grade)
        #expect(grade != .trafficWithoutMIG || grade.rawValue.contains("not yet with the launcher's own variables"))
    }

    @Test func verdicts() {
        let problem = Finding("a", .problem, "x", .machine)
        let warning = Finding("b", .warning, "x", .machine)
        #expect(Doctor.verdict([problem, warning]) == ("1 problem", 1))
        #expect(Doctor.verdict([problem, problem]) == ("2 problems", 1))
        #expect(Doctor.verdict([warning]) == ("no problem, 1 warning", 0))
        #expect(Doctor.verdict([]) == ("no problem", 0))
    }
}
