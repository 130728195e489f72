import DeviceInventory
import Launcher
import MIGModel
import NVML
import Platform
import SimulatedDriver
import TestSupport

/// One process's random operations.
struct Storm {
    private let node: SimulatedNode
    private let backend: NVMLBackend
    private let foreign: ForeignClient
    private let ledger: Ledger
    private let own: Int
    private let shared: Int
    private let isMortal: Bool
    private var random: SplitMix
    private var layouts: [GPUModel.ID: [Layout]] = [:]
    private var jobs: [(leaf: MIGDeviceUUID, context: SimulatedContext?)] = []
    private var programs: [SimulatedContext] = []

    init(directory: String, seed: UInt64, own: Int, shared: Int, isMortal: Bool) throws {
        let library = try BuiltProduct.path("libflexmig-simulated-nvml.so")
        node = try SimulatedNode(opening: directory)
        backend = try NVMLBackend(library: library)
        foreign = try ForeignClient(library: library)
        ledger = try Ledger(stateDirectory: directory)
        self.own = own
        self.shared = shared
        self.isMortal = isMortal
        random = SplitMix(seed: seed)
    }

    /// Does one operation and answers what it was.
    mutating func doSomething() throws -> String {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<38: return try apply()
        case 38..<42: return try injectFault()
        case 42..<56: return try changeForeign()
        case 56..<68: return isMortal ? try apply() : try startJob()
        case 68..<92: return try endSomething()
        default: return try startProgram()
        }
    }

    /// Ends all jobs and programs; then every layout must be within reach.
    mutating func end() throws {
        while !jobs.isEmpty || !programs.isEmpty { _ = try endSomething() }
    }

    private mutating func anyGPU() -> Int { Bool.random(using: &random) ? own : shared }

    // MARK: Applying

    private mutating func apply() throws -> String {
        let gpu = anyGPU()
        let model = try node.state().gpus[gpu].model
        if layouts[model.id] == nil { layouts[model.id] = model.geometry.placedLayouts() }
        guard let layout = layouts[model.id]?.randomElement(using: &random) else { return "apply-nothing" }
        let isPlaced = Int.random(in: 0..<3, using: &random)
        let profiles = layout.specs.shuffled(using: &random).map { spec in
            WantedProfile(
                name: model.geometry.profile(id: spec.profile)?.name ?? "?",
                placement: isPlaced == 0 || isPlaced == 1 && Bool.random(using: &random) ? spec.placement : nil)
        }
        let wanted = WantedNode(
            entries: [WantedEntry(gpus: [.index(gpu)], instances: .profiles(profiles), line: nil)], source: "storm")
        let dies = isMortal && Int.random(in: 0..<4, using: &random) == 0
        let mortal = MortalBackend(
            backend: backend, foreign: foreign, diesAt: dies ? Int.random(in: 1...9, using: &random) : nil,
            how: Int.random(in: 0..<3, using: &random))
        try cleanUp()
        // One in four waits for instances in use, as flexmig does; the others give up at once.
        let patience = Int.random(in: 0..<4, using: &random) == 0 ? 60 : 0
        let change = LayoutChange(backend: mortal, ledger: ledger, patience: .milliseconds(patience))
        do {
            let plan = try change.apply(wanted)
            if gpu == own, let made = plan.plans.first {
                try note("note-applied", ["gpu": "\(gpu)", "layout": "\(made.wanted)"])
            }
            return "applied"
        } catch is LeavesInUse {
            return "apply-in-use"
        } catch let error as LayoutInterrupted where [.inUse, .changed, .other].contains(error.cause.kind) {
            return "apply-interrupted"
        } catch let error as DeviceError where error.kind == .changed && gpu == shared {
            return "apply-overtaken"
        }
        // A refusal is none of these: every legal set of profiles has placements.
    }

    /// The driver goes wrong for the next calls that change something.
    private mutating func injectFault() throws -> String {
        let count = Int.random(in: 1...3, using: &random)
        let calls: Fault.Calls = [.changes, .creating, .destroying].randomElement(using: &random) ?? .changes
        switch Int.random(in: 0..<4, using: &random) {
        case 0: try node.inject(.inUse(count, on: calls, gpu: anyGPU()))
        case 1: try node.inject(.insufficientResources(count, gpu: anyGPU()))
        case 2: try node.inject(Fault(.answer(999), on: calls, gpu: anyGPU(), remaining: count))
        default: try node.inject(Fault(.hang(milliseconds: 2), on: calls, gpu: anyGPU(), remaining: count))
        }
        return "fault"
    }

    private func cleanUp() throws {
        let leaves = try backend.inventory().leaves.map(\.uuid)
        try OrphanedJobs(backend: backend, ledger: ledger).cleanUp(leaves, say: { _ in })
    }

    // MARK: Jobs, programs and foreign clients

    /// As the launcher takes a leaf: leased where nobody holds it and no process runs.
    private mutating func startJob() throws -> String {
        let leaves = try backend.inventory().leaves.filter { $0.gpu == own || $0.gpu == shared }.map(\.uuid)
        guard let leaf = leaves.randomElement(using: &random) else { return "job-without-leaf" }
        let record = try ledger.take(from: [leaf]) { states in
            // Gone or in use since the look at the node.
            guard states[leaf] == .free, try node.state().computeInstance(uuid: leaf.rawValue) != nil,
                (try? backend.processes(on: leaf))?.isEmpty == true
            else { return nil }
            return LeaseRecord(job: .make(), user: "storm", command: "job", since: secondsSince1970(), leaves: [leaf])
        }
        guard record != nil else { return "job-refused" }
        try note("note-lease", ["leaf": leaf.rawValue])
        var context: SimulatedContext?
        // A leased leaf is never taken away: a context that finds none is a failure of the test.
        if Bool.random(using: &random) { context = try SimulatedContext(on: leaf.rawValue, of: node, job: "storm") }
        jobs.append((leaf, context))
        return "job"
    }

    /// A program that nobody has leased a leaf for, on an instance that is one device.
    private mutating func startProgram() throws -> String {
        let state = try node.state()
        let whole = [own, shared].flatMap { state.gpus[$0].instances }.filter { $0.computeInstances.count == 1 }
        guard programs.count < 2, let leaf = whole.randomElement(using: &random)?.computeInstances.first?.uuid else {
            return "program-without-leaf"
        }
        guard let context = try? SimulatedContext(on: leaf, of: node, job: "program") else { return "program-too-late" }
        programs.append(context)
        return "program"
    }

    private mutating func endSomething() throws -> String {
        if !programs.isEmpty, jobs.isEmpty || Bool.random(using: &random) {
            programs.removeFirst().close()
            return "program-ended"
        }
        guard !jobs.isEmpty else { return "nothing-to-end" }
        let job = jobs.removeFirst()
        job.context?.close()
        try note("note-release", ["leaf": job.leaf.rawValue])
        try ledger.release(job.leaf, as: .launcher, wiping: true)
        return "job-ended"
    }

    /// Another administrator's tool: knows no leases, but leaves alone what somebody holds. It keeps takers of leases
    /// out meanwhile, which real ones don't: the log could not tell whose mistake it was.
    private mutating func changeForeign() throws -> String {
        let gpu = anyGPU()
        let state = try node.state().gpus[gpu]
        let choice = Int.random(in: 0..<4, using: &random)
        if choice == 0, let victim = state.instances.randomElement(using: &random) {
            return try ledger.critical {
                let leaves = victim.computeInstances.map { MIGDeviceUUID(rawValue: $0.uuid) }
                guard try leaves.allSatisfy({ try ledger.state(of: $0) == .free }) else { return "foreign-refused" }
                return foreign.destroy(gpu: gpu, id: victim.id, onlyDevices: Bool.random(using: &random))
            }
        }
        guard let profile = state.model.geometry.profiles.randomElement(using: &random) else {
            return "foreign-nothing"
        }
        // Where the driver likes, or at a random place; without a device, with one, or cut into 1c pieces.
        let place = choice == 1 ? nil : profile.placements.randomElement(using: &random)
        let pieces = Int.random(in: 0...2, using: &random)
        return foreign.create(
            gpu: gpu, profile: profile.id.rawValue, at: place,
            compute: pieces == 0 ? [] : pieces == 1 ? [profile.computeInstanceProfile] : [0, 0])
    }

    private func note(_ name: String, _ fields: [String: String]) throws {
        try node.change { _, _ in .init((), events: [Event(name, fields)]) }
    }
}
