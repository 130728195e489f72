import LeafScheduling
import MIGModel
import Traces

/// The jobs that run, and how long jobs run: what the scheduler asks and tells.
struct RunningJobs: SchedulingClient {
    struct Running {
        var start: JobStart
        var from: Double
        var end: Double
        var expectedEnd: Double
        var heldSlices: Int32
        var use: Int32
    }

    let jobs: [Job]
    let paces: any JobPaces
    /// By job.
    let entryOf: [Int32]
    let entries: [JobCatalog.Entry]
    /// By shape.
    let units: [[GPUShape.Unit]]
    let full: [Int]
    let recutSeconds: Double
    /// What is believed of a job's duration, as a factor; infinite where nothing is.
    let believed: Belief

    var now = 0.0
    var slots: [Running] = []
    private var free: [Int32] = []
    /// By job: its outcome so far.
    var outcomes: [JobOutcome]
    var account: Account
    var events = EventHeap()
    var occupancy: [Occupancy] = []
    var occupancyIsCut = false
    let occupancyLimit: Int
    /// By GPU, for the occupancy.
    var shapeOf: [Int32] = []

    /// How far the scheduler's belief of a duration is off: a factor for each job, the same in every run with the seed.
    struct Belief {
        var uncertainty: Double?
        var seed: UInt64

        func factor(_ job: Int) -> Double {
            guard let uncertainty else { return .infinity }
            guard uncertainty > 1 else { return 1 }
            var mixed = seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(job) &* 0xD134_2543_DE82_EF95 &+ 0x632B_E59B_D9B4_E019
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            mixed ^= mixed >> 31
            let unit = Double(mixed >> 11) / 9_007_199_254_740_992
            return naturalExponential((2 * unit - 1) * naturalLogarithm(uncertainty))
        }
    }

    init(
        jobs: [Job], paces: any JobPaces, catalog: JobCatalog, entryOf: [Int32], pool: LeafPool, full: [Int],
        parameters: SimulationParameters, begin: Double
    ) {
        self.jobs = jobs
        self.paces = paces
        self.entryOf = entryOf
        entries = catalog.entries
        units = pool.shapes.map(\.units)
        self.full = full
        recutSeconds = parameters.recutSeconds
        believed = Belief(uncertainty: parameters.durationUncertainty, seed: parameters.seed)
        outcomes = Array(
            repeating: JobOutcome(start: .nan, end: .nan, leaves: 0, heldSlices: 0, gpus: 0), count: jobs.count)
        account = Account(sampling: parameters.timeline, begin: begin)
        occupancyLimit = parameters.occupancyLimit
        shapeOf = pool.shapeOf
    }

    /// Seconds that a job runs there.
    func seconds(of job: Int, option: Int, facts: GangFacts) -> Double {
        let its = jobs[job]
        let power = LeafPower(
            units[facts.slowestShape][facts.slowestUnit], fullMultiprocessors: full[facts.slowestShape])
        let pace: Double?
        switch entries[Int(entryOf[job])].serving[option] {
        case .one: pace = paces.pace(of: its, onOne: power)
        case .many:
            pace = paces.pace(
                of: its,
                over: SpanShape(
                    leaves: facts.leaves, slowest: power, totalMultiprocessors: facts.multiprocessors,
                    mostLeavesOnOneGPU: facts.mostLeavesOnOneGPU, gpus: facts.gpus, nodes: facts.nodes,
                    foreignLinkLoad: Double(facts.foreignLinkLoad) / 1e6))
        }
        // A pace that is not known here although it was known for such leaves in general: as slow as can be told.
        guard let pace, pace > 0 else { return .infinity }
        return its.duration / pace
    }

    func expectedSeconds(of job: Int32, option: Int, facts: GangFacts) -> Double {
        seconds(of: Int(job), option: option, facts: facts) * believed.factor(Int(job))
    }

    func linkLoad(of job: Int32, option: Int, facts: GangFacts) -> Int {
        guard facts.leaves > 1, entries[Int(entryOf[Int(job)])].serving[option] == .many else { return 0 }
        let power = LeafPower(
            units[facts.slowestShape][facts.slowestUnit], fullMultiprocessors: full[facts.slowestShape])
        let load = paces.linkLoad(
            of: jobs[Int(job)],
            over: SpanShape(
                leaves: facts.leaves, slowest: power, totalMultiprocessors: facts.multiprocessors,
                mostLeavesOnOneGPU: facts.mostLeavesOnOneGPU, gpus: facts.gpus, nodes: facts.nodes,
                foreignLinkLoad: Double(facts.foreignLinkLoad) / 1e6))
        return Int(min(load, 100) * 1e6)
    }

    mutating func start(_ start: JobStart, units taken: [LeafUnit]) {
        let job = Int(start.job.id)
        let delay = start.facts.recuts ? recutSeconds : 0
        let end = now + delay + seconds(of: job, option: start.option, facts: start.facts)
        let expectedEnd = now + delay + start.expectedSeconds
        var held = 0
        for unit in taken { held += units[Int(shapeOf[Int(unit.gpu)])][Int(unit.unit)].computeSlices }
        if occupancyLimit > 0 { occupy(taken, job: job, until: end) }
        var running = Running(
            start: start, from: now, end: end, expectedEnd: expectedEnd, heldSlices: Int32(held), use: 0)
        let slot: Int32
        if let reused = free.popLast() {
            slot = reused
            running.use = slots[Int(slot)].use &+ 1
            slots[Int(slot)] = running
        } else {
            slot = Int32(slots.count)
            slots.append(running)
        }
        outcomes[job] = JobOutcome(
            start: now, end: end, leaves: start.facts.leaves, heldSlices: held, gpus: start.facts.gpus)
        account.queued -= 1
        account.running += 1
        account.heldSlices += held
        account.usedSlices += min(held, Int(jobs[job].slices))
        events.push(.init(time: end, kind: .end, number: slot, use: running.use))
        if expectedEnd < end { events.push(.init(time: expectedEnd, kind: .late, number: slot, use: running.use)) }
    }

    private mutating func occupy(_ taken: [LeafUnit], job: Int, until end: Double) {
        for unit in taken {
            guard occupancy.count < occupancyLimit else {
                occupancyIsCut = true
                return
            }
            let its = units[Int(shapeOf[Int(unit.gpu)])][Int(unit.unit)]
            occupancy.append(
                Occupancy(
                    job: job, gpu: Int(unit.gpu), start: its.placement.start, size: its.placement.size,
                    slices: its.computeSlices, from: now, to: end))
        }
    }

    /// A running job goes on elsewhere, after a restart.
    mutating func move(_ move: MigrationPlanner.Move, restartSeconds: Double) {
        let slot = Int(move.slot)
        let job = Int(slots[slot].start.job.id)
        let delay = restartSeconds + (move.facts.recuts ? recutSeconds : 0)
        let before = slots[slot].end
        slots[slot].start.hold = move.hold
        slots[slot].start.facts = move.facts
        slots[slot].start.linkLoad = 0
        slots[slot].end += delay
        slots[slot].expectedEnd = max(slots[slot].expectedEnd, now) + delay
        // What was to happen at its old end no longer does.
        slots[slot].use &+= 1
        let its = slots[slot]
        outcomes[job].end = its.end
        account.countRestart()
        if let at = occupancy.lastIndex(where: { $0.job == job && $0.to == before }) {
            occupancy[at].to = now
            occupy(move.units, job: job, until: its.end)
        }
        events.push(.init(time: its.end, kind: .end, number: move.slot, use: its.use))
        if its.expectedEnd < its.end {
            events.push(.init(time: its.expectedEnd, kind: .late, number: move.slot, use: its.use))
        }
    }

    /// Takes an ended job out. - Returns: what it had.
    mutating func end(_ slot: Int32) -> Running {
        let running = slots[Int(slot)]
        free.append(slot)
        slots[Int(slot)].use &+= 1
        account.running -= 1
        account.heldSlices -= Int(running.heldSlices)
        account.usedSlices -= min(Int(running.heldSlices), Int(jobs[Int(running.start.job.id)].slices))
        return running
    }
}

extension SimulationParameters {
    /// What the scheduler believes of a job's duration, as a factor; infinite where nothing is known.
    package func believedFactor(of job: Int) -> Double {
        RunningJobs.Belief(uncertainty: durationUncertainty, seed: seed).factor(job)
    }
}
