import ArgumentParser
import Platform
import SimulatedDriver

struct NodeFaultCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fault", abstract: "Let a simulated driver go wrong, to see what programs do then.",
        discussion: """
            Works on simulated nodes only: name one with --simulate, --node-directory or FLEXMIG_SIMULATE. All processes \
            on the node meet the faults until they are used up or cleared.

            EXAMPLES
              flexmig node fault add in-use --gpu 0 --calls 3
              flexmig node fault xid 94 --leaf MIG-5c0ffee0-...
              flexmig node fault xid 94 --gpu 0 --instance 7 --compute 0
              flexmig node fault clear
            """,
        subcommands: [
            NodeFaultListCommand.self, NodeFaultAddCommand.self, NodeFaultClearCommand.self, NodeFaultXidCommand.self,
            NodeFaultRestartCommand.self,
        ])
}

extension NodeOptions {
    /// The simulated node itself. Its driver is not asked: it may be the one that goes wrong.
    fileprivate func simulatedNode() throws -> SimulatedNode {
        guard let node = try NodeAccess.simulatedNode(self, try Configuration.load()) else {
            throw CommandFailure(
                CommandExit.usage,
                """
                faults need a simulated node, and none is named
                Name one with --simulate, for example: flexmig node fault list --simulate a100-40gb:2
                """)
        }
        return node
    }
}

/// Does something to the node; what can't be had is a wrong argument, or a driver that is in use.
private func working<Value>(_ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch let problem as FaultProblem {
        let isInUse = if case .inUse = problem { true } else { false }
        throw CommandFailure(isInUse ? CommandExit.temporary : CommandExit.usage, "\(problem)")
    }
}

// MARK: Listing

private struct FaultReport: Encodable {
    var id: Int?
    /// What goes wrong, in words.
    var fault: String
    var calls: String?
    var gpu: Int?
    var instance: Int?
    var remaining: Int?
    var leaf: String?
    var pid: Int32?
}

struct NodeFaultListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List what a simulated driver does wrong now.")

    @OptionGroup var node: NodeOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let node = try node.simulatedNode()
        let faults = try node.faults().entries.map { entry in
            FaultReport(
                id: entry.id, fault: "\(entry.fault)", calls: entry.fault.calls.rawValue, gpu: entry.fault.gpu,
                instance: entry.fault.instance, remaining: entry.fault.remaining)
        }
        let processes = try node.foreignProcesses().map { entry in
            FaultReport(
                fault: "pid \(entry.process) is shown on \(entry.leaf)", leaf: entry.leaf, pid: entry.process.rawValue)
        }
        if json { return try printJSON(faults + processes) }
        if faults.isEmpty, processes.isEmpty { return print("no faults") }
        for fault in faults + processes { print("\(fault.id.map(String.init) ?? "-")  \(fault.fault)") }
    }
}

// MARK: Adding

struct NodeFaultAddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Let a simulated driver go wrong from now on.",
        discussion: """
            FAULTS
              in-use           answer IN_USE to calls that create or destroy
              no-room          answer INSUFFICIENT_RESOURCES to calls that create
              code N           answer N, known to NVML or not
              hang N           take N milliseconds longer
              lost             the GPU (--gpu) has fallen off the bus
              process PID      show this process on a leaf (--leaf)
              placement HABIT  where instances go that are created without a place:
                               last, a100 or h100
              struct N         refuse structs of version N (2 or 3)
              old-driver [V]   be driver V (470.57.02), without what came after 470
            The first four happen once unless --calls says otherwise; the others last until they are cleared. --on is all, \
            changes, create, destroy, or the name of one function of NVML.

            EXAMPLES
              flexmig node fault add in-use --gpu 0 --instance 7 --calls 3
              flexmig node fault add code 777 --on nvmlDeviceGetCount_v2
              flexmig node fault add lost --gpu 1
            """)

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case inUse = "in-use"
        case noRoom = "no-room"
        case code, hang, lost, process, placement
        case structVersion = "struct"
        case oldDriver = "old-driver"
    }

    @Argument(help: "What goes wrong.") var fault: Kind
    @Argument(help: "Its number, version or habit, see above.") var value: String?
    @Option(help: ArgumentHelp("Which calls meet it.", valueName: "calls")) var on: String?
    @Option(help: ArgumentHelp("Only calls about this GPU.", valueName: "index")) var gpu: Int?
    @Option(help: ArgumentHelp("Only calls about this GPU instance.", valueName: "id")) var instance: Int?
    @Option(help: ArgumentHelp("How many calls meet it; 0 is until cleared.", valueName: "count")) var calls: Int?
    @Option(help: ArgumentHelp("The leaf that a process is shown on.", valueName: "uuid")) var leaf: String?
    @OptionGroup var node: NodeOptions
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        if let calls, calls < 0 { throw ValidationError("--calls \(calls) is not a number of calls.") }
        if let on, Fault.Calls(rawValue: on) == nil {
            throw ValidationError(
                "--on \(on) is neither all, changes, create, destroy nor the name of a function of NVML.")
        }
        if let gpu, gpu < 0 { throw ValidationError("--gpu \(gpu) is not a GPU's index.") }
        if fault != .process { _ = try made() }
        if fault == .process {
            guard let leaf, !leaf.isEmpty else { throw ValidationError("A process needs a leaf: --leaf MIG-...") }
            guard try number() > 0 else { throw ValidationError("A process needs its number.") }
        } else if leaf != nil {
            throw ValidationError("--leaf goes with process only.")
        }
    }

    func run() throws {
        let node = try node.simulatedNode()
        if fault == .process {
            let process = ProcessID(rawValue: CInt(try number()))
            try working { try node.addForeignProcess(process, on: leaf ?? "") }
            if !json { return print("pid \(process) is shown on \(leaf ?? "")") }
            return try printJSON(
                FaultReport(fault: "pid \(process) is shown on \(leaf ?? "")", leaf: leaf, pid: process.rawValue))
        }
        let entry = try working { try node.inject(try made()) }
        if json {
            return try printJSON(
                FaultReport(
                    id: entry.id, fault: "\(entry.fault)", calls: entry.fault.calls.rawValue, gpu: gpu,
                    instance: instance, remaining: entry.fault.remaining))
        }
        print("\(entry.id)  \(entry.fault)")
    }

    private func number() throws -> Int {
        guard let value, let number = Int(value), Int(Int32(truncatingIfNeeded: number)) == number else {
            throw ValidationError("\(fault.rawValue) needs a number of 32 bits\(value.map { ", not \($0)" } ?? "").")
        }
        return number
    }

    /// The fault that the arguments describe.
    private func made() throws -> Fault {
        let wanted = on.flatMap { Fault.Calls(rawValue: $0) }
        let count = calls == 0 ? nil : calls ?? 1
        func fault(_ effect: Fault.Effect, on calls: Fault.Calls = .all, _ remaining: Int?) -> Fault {
            Fault(effect, on: wanted ?? calls, gpu: gpu, instance: instance, remaining: remaining)
        }
        switch self.fault {
        case .inUse: return fault(.answer(19), on: .changes, count)
        case .noRoom: return fault(.answer(23), on: .creating, count)
        case .code: return fault(.answer(Int32(try number())), count)
        case .hang:
            guard (0...600_000).contains(try number()) else { throw ValidationError("A hang is at most 600000 ms.") }
            return fault(.hang(milliseconds: try number()), count)
        case .lost:
            guard gpu != nil else { throw ValidationError("A lost GPU needs its number: --gpu 0") }
            return Fault(.lost, gpu: gpu)
        case .placement:
            guard let habit = value.flatMap({ PlacementHabit(rawValue: $0) }) else {
                throw ValidationError("A placement habit is last, a100 or h100.")
            }
            return Fault(.placement(habit))
        case .structVersion:
            guard [2, 3].contains(try number()) else { throw ValidationError("Structs have version 2 or 3.") }
            return Fault(.structVersion(try number()))
        case .oldDriver: return Fault(.oldDriver(value ?? "470.57.02"))
        case .process: throw ValidationError("A process is not a fault of calls.")
        }
    }
}

// MARK: Clearing and happenings

struct NodeFaultClearCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clear", abstract: "Let a simulated driver work again: all faults, or those given.")

    @Argument(help: "Numbers of faults, as the list has them; all without one.") var ids: [Int] = []
    @OptionGroup var node: NodeOptions

    func run() throws {
        let node = try node.simulatedNode()
        for id in ids where try !node.faults().entries.contains(where: { $0.id == id }) {
            throw CommandFailure(CommandExit.usage, "there is no fault \(id); see: flexmig node fault list")
        }
        let count = try node.clearFaults(ids.isEmpty ? nil : Set(ids))
        print(count == 1 ? "1 fault cleared" : "\(count) faults cleared")
    }
}

struct NodeFaultXidCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "xid", abstract: "Post an Xid event to all programs that wait for one.",
        discussion: """
            EXAMPLES
              flexmig node fault xid 94 --leaf MIG-5c0ffee0-...
              flexmig node fault xid 94 --gpu 0 --instance 7 --compute 0
              flexmig node fault xid 79 --gpu 1
            """)

    @Argument(help: "The number.") var xid: UInt64
    @Option(help: ArgumentHelp("The leaf, instead of the three numbers below.", valueName: "uuid")) var leaf: String?
    @Option(help: ArgumentHelp("The GPU's index; 0 without one.", valueName: "index")) var gpu: Int?
    @Option(help: ArgumentHelp("The GPU instance's id; the whole GPU without one.", valueName: "id")) var instance: Int?
    @Option(help: ArgumentHelp("The compute instance's id.", valueName: "id")) var compute: Int?
    @OptionGroup var node: NodeOptions

    func validate() throws {
        if leaf != nil, gpu != nil || instance != nil || compute != nil {
            throw ValidationError("--leaf excludes --gpu, --instance and --compute.")
        }
        if compute != nil, instance == nil { throw ValidationError("--compute needs --instance.") }
        if let wrong = [instance, compute].compactMap({ $0 }).first(where: { !(0..<64).contains($0) }) {
            throw ValidationError("\(wrong) is not an instance's id.")
        }
    }

    func run() throws {
        let node = try node.simulatedNode()
        try working {
            guard let leaf else {
                return try node.post(xid: xid, gpu: gpu ?? 0, instance: instance, compute: compute)
            }
            guard let found = try node.state().computeInstance(uuid: leaf) else { throw FaultProblem.noSuchLeaf(leaf) }
            try node.post(xid: xid, gpu: found.gpu, instance: found.instance.id, compute: found.compute.id)
        }
    }
}

struct NodeFaultRestartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "Unload a simulated driver and load it again: all instances are gone.",
        discussion: """
            From Hopper on MIG mode is off afterwards, as on real hardware. Refused while a process is on a leaf.
            """)

    @OptionGroup var node: NodeOptions

    func run() throws {
        let node = try node.simulatedNode()
        try working { try node.restart() }
    }
}
