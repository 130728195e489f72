import LeafScheduling
import MIGModel
import NodeAPI
import NodeService
import Platform
import TestSupport
import Testing

/// Random events against a model of the node and of what becomes of jobs.
struct QueueStormTests {
    static let steps = Environment.value("FLEXMIG_STORM_STEPS").flatMap { Int($0) } ?? 10_000
    static let seeds = Environment.value("FLEXMIG_STORM_SEEDS").flatMap { Int($0) } ?? 20

    /// What must be true of one job.
    struct Expected {
        var submission: JobSubmission
        var isCancelWanted = false
        var starts = 0
        var state: JobState?
    }

    struct Storm {
        var random: SplitMix
        var node: ModelNode
        var queue: NodeQueue
        var jobs: [String: Expected] = [:]
        var live: [String] = []
        /// Ordered and not answered, running, and told to end.
        var orders: [StartOrder] = []
        var running: Set<String> = []
        var now = 0.0
        var submitted = 0
        var events: [QueueEvent] = []
        var restarts = 0

        init(seed: UInt64) {
            random = SplitMix(seed: seed)
            let mode: QueueConfiguration.Mode = seed.isMultiple(of: 2) ? .fixed : .hybrid
            let models: [GPUModel] = seed % 3 == 0 ? [.a100With40GB, .h100] : [.a100With40GB, .a100With40GB]
            node = ModelNode(models, mode: mode)
            var configuration = QueueConfiguration()
            configuration.mode = mode
            configuration.isFair = seed % 4 < 2
            configuration.discipline = seed % 5 == 0 ? .fifo : .backfill()
            configuration.tenants = ["b": .init(weight: 2, quota: 5)]
            queue = NodeQueue(
                configuration: configuration, node: node.snapshot, estimates: LearnedEstimates(), now: 0)
        }

        mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

        mutating func step() {
            now += Double(Int.random(in: 0...20, using: &random)) / 4
            if chance(40) { submit() }
            if chance(60), !orders.isEmpty { launch() }
            if chance(45) { end() }
            if chance(8), let id = live.randomElement(using: &random) {
                jobs[id]?.isCancelWanted = true
                events.append(.cancel(id: id))
            }
            if chance(10) { trouble() }
            if chance(15) { events.append(.node(node.snapshot)) }
            if chance(5) { nonsense() }
            if chance(70) { turn() }
        }

        mutating func submit() {
            let id = "j\(submitted)"
            let leaves = [1, 1, 2, 3, 4, 7, 9].randomElement(using: &random) ?? 1
            let submission = JobSubmission(
                leaves: leaves, minLeaves: chance(20) ? 1 : nil,
                leafType: [.any, .any, .thin, .fat].randomElement(using: &random) ?? .any,
                leafMemoryMiB: chance(20) ? 9000 : nil, arrangement: chance(30) ? .spread : .pack,
                priority: Int.random(in: -2...2, using: &random),
                tenant: ["a", "b", "c"].randomElement(using: &random),
                timeLimitSeconds: chance(50) ? Double(Int.random(in: 1...60, using: &random)) : nil,
                name: chance(50) ? "n\(leaves)" : nil, command: ["/bin/x"], workingDirectory: "/",
                environment: ["SECRET": "1"], retries: Int.random(in: 0...2, using: &random),
                onQuarantine: chance(50) ? .tell : .end)
            events.append(
                .submitted(
                    ServiceJob(
                        id: id, sequence: submitted, submission: submission, user: "u", userID: 1,
                        submittedAt: Moment(queue: now, wall: now))))
            jobs[id] = Expected(submission: submission)
            submitted += 1
        }

        mutating func launch() {
            let order = orders.remove(at: Int.random(in: 0..<orders.count, using: &random))
            if chance(5) {
                let kind: StartFailure.Kind = [.node, .program, .cut, .taken].randomElement(using: &random) ?? .node
                events.append(.couldNotStart(id: order.id, StartFailure(kind, detail: "chance")))
                return
            }
            let event = node.start(order, supervisor: 5)
            if case .started = event {
                running.insert(order.id)
                jobs[order.id]?.starts += 1
            }
            events.append(event)
        }

        mutating func end() {
            guard let id = running.sorted().randomElement(using: &random) else { return }
            running.remove(id)
            node.end(id)
            let kind = JobResult.Kind.allCases.randomElement(using: &random) ?? .succeeded
            events.append(.ended(id: id, JobResult(chance(60) ? .succeeded : kind, exitCode: 1)))
        }

        /// Somebody takes a leaf or gives it back; a leaf or GPU fails or recovers. The queue hears of it later.
        mutating func trouble() {
            if chance(20) {
                let gpu = Int.random(in: 0..<node.models.count, using: &random)
                node.lost[gpu] = node.lost[gpu] == nil ? "lost" : nil
                return
            }
            guard let at = node.instances.indices.randomElement(using: &random) else { return }
            if node.instances[at].instance.use != .idle {
                node.setUse(.idle, at: at)
            } else if chance(30) {
                node.setUse(.quarantined("Xid 63"), at: at)
            } else if node.instances[at].job == nil {
                node.setUse(.foreign("flexmig run"), at: at)
            }
        }

        mutating func nonsense() {
            let id = ["nobody", "j\(Int.random(in: 0...max(1, submitted), using: &random))"].randomElement(
                using: &random)
            guard let id, !live.contains(id), jobs[id]?.state != nil || id == "nobody" else { return }
            events += [
                .cancel(id: id), .ended(id: id, JobResult(.failed)), .started(id: id, leaves: [], supervisor: 1),
                .couldNotStart(id: id, StartFailure(.taken, detail: "")), .due,
            ]
        }

        mutating func turn() {
            let turn = queue.handle(events, now: now, wall: now + 1e9)
            events = []
            check(turn)
        }

        mutating func check(_ turn: QueueTurn) {
            let seed = random.seed
            for answer in turn.answers {
                if answer.problem == nil {
                    live.append(answer.id)
                } else {
                    #expect(answer.problem?.isOf(.impossible) == true, "seed \(seed)")
                    jobs[answer.id] = nil
                }
            }
            for job in turn.changed {
                #expect(job.submission.environment.isEmpty)
                guard let expected = jobs[job.id] else {
                    Issue.record("seed \(seed): \(job.id) was never accepted")
                    continue
                }
                #expect(expected.state == nil, "seed \(seed): \(job.id) changes after its end")
                #expect(job.progress.attempts <= job.submission.retries + 1, "seed \(seed): \(job.id) ran too often")
                guard job.progress.state.isOver else { continue }
                jobs[job.id]?.state = job.progress.state
                live.removeAll { $0 == job.id }
                #expect(job.progress.attempts == expected.starts, "seed \(seed): \(job.id)'s attempts")
                #expect(!running.contains(job.id), "seed \(seed): \(job.id) runs and is over")
                #expect(!orders.contains { $0.id == job.id }, "seed \(seed): \(job.id) starts and is over")
            }
            for case .start(let order) in turn.actions {
                #expect(!running.contains(order.id) && !orders.contains { $0.id == order.id }, "seed \(seed)")
                if jobs[order.id]?.isCancelWanted == true, jobs[order.id]?.state == nil {
                    // Cancelled in the turn that ordered it, or before.
                    #expect(queue.job(order.id)?.progress.endCause == .cancelled, "seed \(seed): \(order.id)")
                }
                orders.append(order)
            }
            #expect(node.objections.isEmpty, "seed \(seed): \(node.objections)")
            node.objections = []
            #expect(queue.waiting + queue.running == live.count, "seed \(seed)")
            #expect(queue.running == running.count + orders.count, "seed \(seed)")
            var held = 0
            for id in running.union(orders.map(\.id)) where jobs[id]?.submission.tenant == "b" {
                held += jobs[id]?.submission.leaves ?? 0
            }
            #expect(held <= 5, "seed \(seed): the quota")
        }

        /// The daemon dies: a new queue gets what the store had, and what is found of each job.
        mutating func restart() {
            turn()
            let stored = queue.ids.compactMap { queue.job($0) }
            let memory = queue.memory(now: now)
            queue = NodeQueue(
                configuration: queue.configuration, node: node.snapshot, memory: memory,
                estimates: LearnedEstimates(lessons: memory.lessons), now: now)
            orders = []
            events = stored.shuffled(using: &random).map { job in
                guard running.contains(job.id) else { return .found(job, .waiting) }
                return .found(
                    job,
                    .running(
                        leaves: node.instances.filter { $0.job == job.id }.map(\.placed), supervisor: 5))
            }
            restarts += 1
            turn()
        }

        /// All troubles end, everything runs to its end.
        mutating func drain() {
            node.lost = [:]
            for at in node.instances.indices { node.setUse(.idle, at: at) }
            for _ in 0..<100_000 where !live.isEmpty {
                now += 30
                events.append(.node(node.snapshot))
                while !orders.isEmpty { launch() }
                for id in running.sorted() {
                    node.end(id)
                    running.remove(id)
                    events.append(.ended(id: id, JobResult(.succeeded, exitCode: 0)))
                }
                turn()
            }
        }
    }

    @Test(arguments: 0..<seeds)
    func nothingIsLostOrGivenTwice(_ number: Int) {
        var storm = Storm(seed: UInt64(number))
        for step in 1...Self.steps {
            storm.step()
            if step.isMultiple(of: 2500) { storm.restart() }
        }
        storm.drain()
        #expect(storm.live.isEmpty, "seed \(storm.random.seed): \(storm.live.count) jobs never end")
        #expect(storm.queue.waiting == 0 && storm.queue.running == 0)
        for (id, expected) in storm.jobs {
            guard let state = expected.state else {
                Issue.record("seed \(storm.random.seed): \(id) is lost")
                continue
            }
            if state == .cancelled { #expect(expected.isCancelWanted, "seed \(storm.random.seed): \(id)") }
        }
        #expect(storm.jobs.count > Self.steps / 10)
    }
}
