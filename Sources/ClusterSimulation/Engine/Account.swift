/// What goes on, summed up over time: exact integrals, and samples of a bounded number.
struct Account {
    private(set) var totals = SimulationTotals()
    private(set) var timeline: [TimelineSample] = []
    private let sampling: TimelineSampling
    private var distance = 0.0
    private var time = 0.0

    var queued = 0
    var running = 0
    var usedSlices = 0
    var heldSlices = 0
    var unusableSlices = 0.0
    var drainedGPUs = 0

    init(sampling: TimelineSampling, begin: Double) {
        self.sampling = sampling
        time = begin
    }

    /// Adds the time until now at the values that held; call it before they change.
    mutating func advance(to now: Double) {
        let seconds = now - time
        guard seconds > 0 else { return }
        totals.usedSliceSeconds += seconds * Double(usedSlices)
        totals.heldSliceSeconds += seconds * Double(heldSlices)
        totals.unusableSliceSeconds += seconds * unusableSlices
        totals.drainedGPUSeconds += seconds * Double(drainedGPUs)
        totals.queuedSeconds += seconds * Double(queued)
        time = now
    }

    /// Notes the values that hold from now on.
    mutating func sample() {
        guard sampling.limit > 0 else { return }
        if let last = timeline.last {
            if last.time == time { timeline.removeLast() } else if time < last.time + distance { return }
        }
        if timeline.count >= max(sampling.limit, 2) {
            timeline = timeline.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
            if let first = timeline.first { distance = max(distance, (time - first.time) / Double(timeline.count)) }
        }
        timeline.append(
            TimelineSample(
                time: time, queued: queued, running: running, usedSlices: usedSlices, heldSlices: heldSlices,
                unusableSlices: Float(unusableSlices), drainedGPUs: drainedGPUs))
    }

    mutating func countRestart() { totals.restarts += 1 }

    mutating func countEvent() { totals.events += 1 }

    mutating func finish(decisions: Int, recuts: Int, created: Int, destroyed: Int) {
        totals.decisions = decisions
        totals.reconfigurations += recuts
        totals.instancesCreated += created
        totals.instancesDestroyed += destroyed
    }

    mutating func countRelayout(created: Int, destroyed: Int) {
        totals.reconfigurations += 1
        totals.instancesCreated += created
        totals.instancesDestroyed += destroyed
    }
}
