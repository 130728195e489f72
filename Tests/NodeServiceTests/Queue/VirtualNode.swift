import ClusterSimulation
import LeafScheduling
import MIGModel
import NodeAPI
import NodeService
import Synchronization
import Traces

/// The simulator's paces as a queue's estimates: what is believed of a job is its duration times a factor.
struct SimulatedEstimates: JobEstimates {
    let paces: any JobPaces
    /// By the job's sequence number: its duration, its model, and how far belief is off.
    let jobs: [Traces.Job]
    let factor: @Sendable (Int) -> Double
    /// Where jobs were started, in their order: the queue asks for the link's load then, and only then.
    let starts = Starts()

    final class Starts: Sendable {
        private let shapes = Mutex<[GangShape]>([])
        func add(_ shape: GangShape) { shapes.withLock { $0.append(shape) } }
        func takeAll() -> [GangShape] {
            shapes.withLock { shapes in
                defer { shapes = [] }
                return shapes
            }
        }
    }

    func expectation(of job: ServiceJob) -> JobExpectation {
        let its = jobs[job.sequence]
        // The limit carries the factor: these estimates know no limits.
        return JobExpectation(seconds: its.duration, pace: Int(its.model), limit: factor(job.sequence))
    }

    func seconds(_ expectation: JobExpectation, asked: Int, on shape: GangShape) -> Double {
        trueSeconds(expectation, asked: asked, on: shape) * expectation.limit
    }

    func trueSeconds(_ expectation: JobExpectation, asked: Int, on shape: GangShape) -> Double {
        let job = Traces.Job(
            number: 0, arrival: 0, duration: expectation.seconds, slices: asked, model: expectation.pace)
        let pace = shape.isWhole ? paces.pace(of: job, onOne: power(shape)) : paces.pace(of: job, over: span(shape))
        guard let pace, pace > 0 else { return .infinity }
        return job.duration / pace
    }

    func linkLoad(_ expectation: JobExpectation, asked: Int, on shape: GangShape) -> Int {
        starts.add(shape)
        guard shape.leaves > 1, !shape.isWhole else { return 0 }
        let job = Traces.Job(
            number: 0, arrival: 0, duration: expectation.seconds, slices: asked, model: expectation.pace)
        return Int(min(paces.linkLoad(of: job, over: span(shape)), 100) * 1e6)
    }

    private func power(_ shape: GangShape) -> LeafPower {
        LeafPower(
            computeSlices: shape.slowest.computeSlices, multiprocessors: shape.slowest.multiprocessors,
            fullMultiprocessors: shape.fullMultiprocessors)
    }

    private func span(_ shape: GangShape) -> SpanShape {
        SpanShape(
            leaves: shape.leaves, slowest: power(shape), totalMultiprocessors: shape.multiprocessors,
            mostLeavesOnOneGPU: shape.mostLeavesOnOneGPU, gpus: shape.gpus, nodes: shape.nodes,
            foreignLinkLoad: Double(shape.foreignLinkLoad) / 1e6)
    }
}

/// A node under a virtual clock: a launcher that only records, starts in no time, and cuts in the time it is given.
struct VirtualNode {
    struct Outcome {
        var start = Double.nan
        var end = Double.nan
        var leaves = 0
        var isRefused = false
    }

    private struct Event {
        var time: Double
        var order: Int
        var event: QueueEvent
    }

    let jobs: [Traces.Job]
    let estimates: SimulatedEstimates
    let recutSeconds: Double
    var queue: NodeQueue
    private(set) var outcomes: [Outcome]
    /// In the order of their starts.
    private(set) var order: [Int] = []
    /// Parallel to it: GPU and memory slices of the leaves.
    private(set) var places: [Set<String>] = []
    private(set) var turns = 0
    private var events: [Event] = []

    init(
        _ jobs: [Traces.Job], gpus: [GPUModel], configuration: QueueConfiguration, paces: any JobPaces,
        factor: @escaping @Sendable (Int) -> Double
    ) {
        var configuration = configuration
        configuration.expectedAsks = jobs.map { LeafAsk(Self.submission($0)) }
        self.jobs = jobs
        recutSeconds = configuration.recutSeconds
        estimates = SimulatedEstimates(paces: paces, jobs: jobs, factor: factor)
        queue = NodeQueue(
            configuration: configuration, node: Self.snapshot(gpus, mode: configuration.mode), estimates: estimates,
            now: 0)
        outcomes = Array(repeating: Outcome(), count: jobs.count)
    }

    /// Idle GPUs: flattened in fixed mode, without instances in hybrid mode.
    static func snapshot(_ gpus: [GPUModel], mode: QueueConfiguration.Mode) -> NodeSnapshot {
        NodeSnapshot(
            gpus: gpus.enumerated().map { index, model in
                let layout = mode == .fixed ? try? LayoutName.full.layout(on: model.geometry).get() : Layout([])
                return NodeSnapshot.GPU(
                    index: index, uuid: GPUUUID(rawValue: "GPU-\(index)"), geometry: model.geometry,
                    instances: (layout?.specs ?? []).compactMap { spec in
                        model.geometry.profile(id: spec.profile).map {
                            instance($0, at: spec.placement, gpu: index)
                        }
                    })
            })
    }

    static func instance(
        _ profile: MIGProfile, at placement: Placement, gpu: Int, use: NodeSnapshot.Use = .idle
    ) -> NodeSnapshot.Instance {
        NodeSnapshot.Instance(
            leaf: Leaf(
                uuid: MIGDeviceUUID(rawValue: "MIG-\(gpu)-\(profile.name)-\(placement)"), gpu: gpu,
                gpuInstance: GPUInstanceID(rawValue: placement.start), computeInstance: 0, profile: profile.name,
                leafType: profile.leafType, placement: placement, memoryMiB: profile.memoryMiB ?? 0,
                multiprocessors: profile.multiprocessors ?? 0, numaNode: nil),
            profile: profile.name, profileID: profile.id, placement: placement, use: use)
    }

    static func submission(_ job: Traces.Job) -> JobSubmission {
        JobSubmission(
            leaves: Int(job.slices), leafMemoryMiB: job.memoryMiB > 0 ? Int(job.memoryMiB) : nil,
            priority: Int(job.priority), command: ["/bin/true"], workingDirectory: "/")
    }

    /// Runs all jobs to their ends.
    mutating func run() {
        var next = 0
        var wake = Double.infinity
        while true {
            let arrival = next < jobs.count ? jobs[next].arrival : .infinity
            let event = events.map(\.time).min() ?? .infinity
            let now = min(arrival, event, wake)
            guard now < .infinity else { return }
            let due = events.filter { $0.time <= now }.sorted { ($0.time, $0.order) < ($1.time, $1.order) }
            events.removeAll { $0.time <= now }
            var batch = due.map(\.event)
            while next < jobs.count, jobs[next].arrival <= now {
                let job = ServiceJob(
                    id: "\(next)", sequence: next, submission: Self.submission(jobs[next]), user: "u", userID: 1,
                    submittedAt: Moment(queue: jobs[next].arrival, wall: jobs[next].arrival))
                batch.append(.submitted(job))
                next += 1
            }
            wake = turn(batch, now)
        }
    }

    private mutating func turn(_ batch: [QueueEvent], _ now: Double) -> Double {
        turns += 1
        let turn = queue.handle(batch.isEmpty ? [.due] : batch, now: now, wall: now)
        for answer in turn.answers where answer.problem != nil {
            if let number = Int(answer.id) { outcomes[number].isRefused = true }
        }
        var shapes = estimates.starts.takeAll().makeIterator()
        for case .start(let start) in turn.actions {
            guard let number = Int(start.id), let shape = shapes.next() else { continue }
            order.append(number)
            places.append(Set(start.leaves.map { "\($0.gpu)@\($0.placement)" }))
            let running = now + (start.cuts.isEmpty ? 0 : recutSeconds)
            let seconds = estimates.trueSeconds(
                JobExpectation(seconds: jobs[number].duration, pace: Int(jobs[number].model)),
                asked: Int(jobs[number].slices), on: shape)
            outcomes[number].start = now
            outcomes[number].end = running + seconds
            outcomes[number].leaves = start.leaves.count
            events.append(
                Event(
                    time: running, order: 2 * order.count,
                    event: .started(id: start.id, leaves: start.leaves, supervisor: 1)))
            events.append(
                Event(
                    time: running + seconds, order: 2 * order.count + 1,
                    event: .ended(id: start.id, JobResult(.succeeded, exitCode: 0))))
        }
        return turn.wakeAt ?? .infinity
    }
}
