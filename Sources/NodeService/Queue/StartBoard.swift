import LeafScheduling

/// What the scheduler asks of jobs, and what it tells: the jobs that started in a pass.
struct StartBoard: SchedulingClient, Sendable {
    struct Entry: Sendable {
        var expectation: JobExpectation
        /// How many leaves it asked for.
        var asked: Int
        var kind: Int
    }

    struct Started: Sendable {
        var start: JobStart
        var units: [LeafUnit]
    }

    var estimates: any JobEstimates
    /// By number; of all jobs that wait or run.
    var entries: [Int32: Entry] = [:]
    /// By kind and option.
    var isWhole: [[Bool]] = []
    /// By shape.
    var units: [[GPUShape.Unit]] = []
    var fullMultiprocessors: [Int] = []
    var started: [Started] = []

    func shape(_ facts: GangFacts, isWhole: Bool) -> GangShape {
        GangShape(
            isWhole: isWhole, leaves: facts.leaves, slowest: units[facts.slowestShape][facts.slowestUnit],
            fullMultiprocessors: fullMultiprocessors[facts.slowestShape], multiprocessors: facts.multiprocessors,
            mostLeavesOnOneGPU: facts.mostLeavesOnOneGPU, gpus: facts.gpus, nodes: facts.nodes,
            foreignLinkLoad: facts.foreignLinkLoad)
    }

    func expectedSeconds(of job: Int32, option: Int, facts: GangFacts) -> Double {
        guard let entry = entries[job] else { return .infinity }
        return estimates.seconds(
            entry.expectation, asked: entry.asked, on: shape(facts, isWhole: isWhole[entry.kind][option]))
    }

    func linkLoad(of job: Int32, option: Int, facts: GangFacts) -> Int {
        guard let entry = entries[job] else { return 0 }
        return estimates.linkLoad(
            entry.expectation, asked: entry.asked, on: shape(facts, isWhole: isWhole[entry.kind][option]))
    }

    mutating func start(_ start: JobStart, units: [LeafUnit]) { started.append(Started(start: start, units: units)) }
}
