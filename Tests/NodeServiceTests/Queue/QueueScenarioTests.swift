import LeafScheduling
import MIGModel
import NodeAPI
import NodeService
import Testing

/// A queue on a model node, driven by hand.
struct Harness {
    var node: ModelNode
    var queue: NodeQueue
    var now = 0.0
    private(set) var submitted = 0
    /// The last turn.
    private(set) var last = QueueTurn()
    /// Every order so far.
    private(set) var orders: [StartOrder] = []

    init(
        _ models: [GPUModel] = [.a100With40GB], mode: QueueConfiguration.Mode = .fixed,
        _ change: (inout QueueConfiguration) -> Void = { _ in }, memory: QueueMemory = QueueMemory()
    ) {
        node = ModelNode(models, mode: mode)
        var configuration = QueueConfiguration()
        configuration.mode = mode
        change(&configuration)
        queue = NodeQueue(
            configuration: configuration, node: node.snapshot, memory: memory,
            estimates: LearnedEstimates(lessons: memory.lessons), now: 0)
    }

    static func job(
        _ id: String, sequence: Int = 0, at now: Double = 0, user: String = "u", leaves: Int,
        _ change: (inout JobSubmission) -> Void = { _ in }
    ) -> ServiceJob {
        var submission = JobSubmission(leaves: leaves, command: ["/bin/x", "secret"], workingDirectory: "/")
        change(&submission)
        return ServiceJob(
            id: id, sequence: sequence, submission: submission, user: user, userID: 1000,
            submittedAt: Moment(queue: now, wall: now + 1e9))
    }

    @discardableResult
    mutating func turn(_ events: [QueueEvent]) -> QueueTurn {
        last = queue.handle(events, now: now, wall: now + 1e9)
        for case .start(let order) in last.actions { orders.append(order) }
        return last
    }

    /// - Returns: the ids that are ordered to start.
    @discardableResult
    mutating func submit(
        _ id: String, leaves: Int, user: String = "u", _ change: (inout JobSubmission) -> Void = { _ in }
    ) -> [String] {
        submitted += 1
        turn([.submitted(Self.job(id, sequence: submitted, at: now, user: user, leaves: leaves, change))])
        return starts
    }

    /// Who is ordered to start in the last turn.
    var starts: [String] {
        last.actions.compactMap { if case .start(let order) = $0 { order.id } else { nil } }
    }

    func order(_ id: String) -> StartOrder? { orders.last { $0.id == id } }
    func state(_ id: String) -> JobState? { queue.job(id)?.progress.state }

    /// Does what was ordered last.
    mutating func launch(_ ids: String...) {
        var events: [QueueEvent] = []
        for id in ids {
            if let order = order(id) { events.append(node.start(order, supervisor: 7)) }
        }
        turn(events)
    }

    mutating func end(_ id: String, _ result: JobResult = JobResult(.succeeded, exitCode: 0)) {
        node.end(id)
        turn([.ended(id: id, result)])
    }
}

struct QueueScenarioTests {
    @Test func aJobStartsRunsAndEnds() {
        var test = Harness()
        #expect(test.submit("a", leaves: 2) == ["a"])
        #expect(test.last.answers == [.init(id: "a", problem: nil)])
        #expect(test.last.changed.map(\.progress.state) == [.starting])
        #expect(test.order("a")?.leaves.map(\.placement.start) == [0, 1])
        test.now = 1
        test.launch("a")
        #expect(test.state("a") == .running && test.queue.running == 1)
        #expect(test.queue.job("a")?.progress.leaves.allSatisfy { $0.uuid != nil } == true)
        test.now = 5
        test.end("a")
        #expect(test.last.changed.map(\.progress.state) == [.succeeded])
        #expect(test.last.actions == [.forget(id: "a")])
        #expect(test.queue.job("a") == nil && test.queue.running == 0)
    }

    /// Words for what can never run, and none for what only waits.
    @Test func impossibleJobsAreRefused() {
        var test = Harness()
        for (id, leaves, change, word) in [
            ("many", 8, { (_: inout JobSubmission) in }, "no more than 7"),
            ("fat", 2, { $0.leafType = .fat }, "no more than 1"),
            ("memory", 1, { $0.leafMemoryMiB = 99_999 }, "99999 MiB"),
        ] as [(String, Int, (inout JobSubmission) -> Void, String)] {
            test.submit(id, leaves: leaves, change)
            let problem = test.last.answers.first?.problem
            #expect(
                problem?.isOf(.impossible) == true && problem?.detail.contains(word) == true,
                "\(id): \(problem?.detail ?? "-")")
            #expect(test.queue.job(id) == nil && test.last.changed.isEmpty)
        }
        #expect(test.submit("seven", leaves: 7) == ["seven"])
    }

    @Test func withoutMIGNothingRuns() {
        var test = Harness()
        let gpu = NodeSnapshot.GPU(
            index: 0, uuid: GPUUUID(rawValue: "GPU-0"), geometry: nil, trouble: "MIG is off on GPU 0")
        test.turn([.node(NodeSnapshot(gpus: [gpu]))])
        test.submit("a", leaves: 1)
        #expect(test.last.answers.first?.problem?.detail.contains("MIG is off on GPU 0") == true)
    }

    @Test func priorityAndAging() {
        var test = Harness { $0.secondsPerPriority = 100 }
        test.submit("first", leaves: 7)
        test.launch("first")
        test.submit("low", leaves: 7)
        test.now = 50
        test.submit("high", leaves: 7) { $0.priority = 1 }
        test.now = 150
        test.submit("late", leaves: 7) { $0.priority = 1 }
        for next in ["high", "low", "late"] {
            let running = ["first", "high", "low", "late"].first { test.state($0) == .running }
            test.end(running ?? "")
            #expect(test.starts == [next])
            test.launch(next)
        }
    }

    @Test func moldableTakesWhatIsFree() {
        var test = Harness()
        test.submit("a", leaves: 5)
        test.launch("a")
        #expect(test.submit("all", leaves: 4) == [])
        #expect(test.submit("some", leaves: 4) { $0.minLeaves = 2 } == ["some"])
        #expect(test.order("some")?.leaves.count == 2)
    }

    @Test func quotaHoldsBackAndRefuses() {
        var test = Harness { $0.tenants = ["t": .init(quota: 3)] }
        #expect(test.submit("a", leaves: 2) { $0.tenant = "t" } == ["a"])
        #expect(test.submit("b", leaves: 2) { $0.tenant = "t" } == [])
        #expect(test.submit("c", leaves: 2) { $0.tenant = "other" } == ["c"])
        test.submit("never", leaves: 4) { $0.tenant = "t" }
        #expect(test.last.answers.first?.problem?.detail.contains("never have more than 3") == true)
        test.launch("a")
        test.end("a")
        #expect(test.starts == ["b"])
    }

    /// Who has used less goes first, and a new queue remembers.
    @Test func fairShareSurvivesARestart() {
        var test = Harness { $0.isFair = true }
        test.submit("a", leaves: 7, user: "greedy") { $0.timeLimitSeconds = 1000 }
        test.launch("a")
        #expect(test.last.memoryHasChanged == false)
        test.submit("g", leaves: 7, user: "greedy") { $0.timeLimitSeconds = 10 }
        test.submit("m", leaves: 7, user: "modest") { $0.timeLimitSeconds = 10 }
        let memory = test.queue.memory(now: test.now)
        #expect((memory.used["greedy"] ?? 0) > 6000)
        let stored = test.queue.ids.compactMap { test.queue.job($0) }

        var next = Harness([.a100With40GB], mode: .fixed, { $0.isFair = true }, memory: memory)
        next.node = test.node
        next.turn(
            stored.map { job in
                job.id == "a"
                    ? .found(job, .running(leaves: job.progress.leaves, supervisor: 7)) : .found(job, .waiting)
            })
        #expect(next.starts == [])
        next.end("a")
        #expect(next.starts == ["m"])
    }

    /// A leaf is taken between choice and lease: the job keeps its place, and does not try again at once.
    @Test func takenLeavesMakeNoBusyLoop() {
        var test = Harness()
        test.submit("a", leaves: 7)
        for at in test.node.instances.indices { test.node.setUse(.foreign("flexmig run"), at: at) }
        var tries = 0
        for _ in 0..<50 {
            if test.starts.contains("a") {
                tries += 1
                test.launch("a")
            } else {
                test.turn([.due])
            }
            #expect(test.state("a") == .queued || test.starts == ["a"])
        }
        #expect(tries == 1)
        #expect(test.queue.job("a")?.progress.reason?.contains("somebody has it") == true)
        #expect(test.submit("b", leaves: 7) == [])
        test.turn([.node(test.node.snapshot)])
        #expect(test.starts == [])
        test.now = 100
        for at in test.node.instances.indices { test.node.setUse(.idle, at: at) }
        test.turn([.node(test.node.snapshot)])
        #expect(test.starts == ["a"])
        test.launch("a")
        #expect(test.queue.job("a")?.progress.attempts == 1)
    }

    /// Without another look at the node, a pause ends by itself, and each is twice as long as the last.
    @Test func pausesGrow() {
        var test = Harness { $0.mostRetryDelay = 4 }
        test.submit("a", leaves: 1)
        test.node.lost[0] = "unseen"
        var waits: [Double] = []
        for _ in 0..<5 {
            test.turn([.couldNotStart(id: "a", StartFailure(.cut, detail: "the driver says no"))])
            #expect(test.starts == [])
            let wake = test.last.wakeAt ?? .infinity
            waits.append(wake - test.now)
            test.now = wake
            test.turn([.due])
            #expect(test.starts == ["a"])
        }
        #expect(waits == [1, 2, 4, 4, 4])
    }

    @Test func quarantineEndsAndRetriesElsewhere() {
        var test = Harness()
        test.submit("tells", leaves: 1) { $0.onQuarantine = .tell }
        test.submit("ends", leaves: 1) { $0.retries = 1 }
        test.launch("tells", "ends")
        for at in [0, 1] { test.node.setUse(.quarantined("Xid 63"), at: at) }
        test.turn([.node(test.node.snapshot)])
        #expect(test.last.actions.count == 1 && test.state("tells") == .running && test.state("ends") == .ending)
        test.end("ends", JobResult(.failed, exitCode: 143))
        #expect(test.starts == ["ends"])
        #expect(test.order("ends")?.leaves.first?.placement.start == 2)
        test.end("tells")
        // The quarantined leaves are given to nobody.
        #expect(test.submit("six", leaves: 5) == [])
        #expect(test.submit("four", leaves: 4) == ["four"])
    }

    @Test func aLostGPUEndsItsJobsAndGivesNothing() {
        var test = Harness([.a100With40GB, .a100With40GB])
        test.submit("a", leaves: 7) { $0.retries = 1 }
        test.launch("a")
        test.node.lost[0] = "GPU 0 has fallen off the bus"
        test.turn([.node(test.node.snapshot)])
        #expect(test.queue.job("a")?.progress.endCause == .fault("GPU 0 has fallen off the bus"))
        test.end("a", JobResult(.lost))
        #expect(test.order("a")?.leaves.allSatisfy { $0.gpu == 1 } == true)
        #expect(test.submit("b", leaves: 1) == [])
        test.node.lost = [:]
        test.turn([.node(test.node.snapshot)])
        #expect(test.starts == ["b"])
    }

    /// Another layout gives other leaves; who runs keeps his until the end.
    @Test func aNewLayoutDisturbsNobody() throws {
        var test = Harness([.a100With40GB, .a100With40GB])
        test.submit("a", leaves: 1)
        test.launch("a")
        test.submit("fourteen", leaves: 14)
        let kept = try #require(test.node.instances.firstIndex { $0.job == "a" })
        let mine = test.node.instances[kept]
        let half = try #require(GPUModel.a100With40GB.geometry.profile(named: "3g.20gb"))
        test.node.instances.removeAll { $0.placed.gpu == 1 || $0.placed.placement.start >= 4 }
        for (gpu, start) in [(0, 4), (1, 0), (1, 4)] {
            let instance = VirtualNode.instance(half, at: Placement(start: start, size: 4), gpu: gpu)
            test.node.instances.append(
                .init(
                    placed: PlacedLeaf(
                        gpu: gpu, profile: half.name, profileID: half.id, placement: instance.placement,
                        uuid: instance.leaf?.uuid), instance: instance))
        }
        test.turn([.node(test.node.snapshot)])
        // What can't run any more waits for another layout, and others pass it.
        #expect(test.state("fourteen") == .queued && test.state("a") == .running)
        #expect(test.submit("big", leaves: 3) { $0.leafMemoryMiB = 19_000 } == ["big"])
        #expect(test.submit("rest", leaves: 4) == [])
        test.end("a")
        #expect(test.starts == ["rest"])
        #expect(test.order("rest")?.leaves.contains { $0.uuid == mine.placed.uuid } == true)
        #expect(test.node.objections.isEmpty)
    }

    /// Four leaves' worth of work is one instance where one can be cut, and idle slices that are in the way go.
    @Test func hybridCutsWhatIsIdle() {
        var test = Harness(mode: .hybrid)
        test.submit("small", leaves: 1) { $0.timeLimitSeconds = 10 }
        test.launch("small")
        test.end("small")
        test.submit("four", leaves: 4) { $0.timeLimitSeconds = 10 }
        #expect(test.order("four")?.leaves.map(\.profile) == ["4g.20gb"])
        #expect(test.order("four")?.cuts.map(\.profile) == ["4g.20gb"])
        test.launch("four")
        test.submit("again", leaves: 1) { $0.timeLimitSeconds = 10 }
        test.launch("again")
        test.end("again")
        // The same instance once more: nothing is cut.
        test.submit("same", leaves: 1) { $0.timeLimitSeconds = 10 }
        #expect(test.order("same")?.cuts == [] && test.order("same")?.leaves.first?.uuid != nil)
        test.launch("same")
        #expect(test.state("same") == .running && test.node.objections.isEmpty)
    }

    /// Somebody else's instance is cut around, also one whose profile no job could name.
    @Test func hybridLeavesOthersAlone() throws {
        var test = Harness(mode: .hybrid)
        let geometry = GPUModel.a100With40GB.geometry
        let media = try #require(geometry.profile(named: "1g.5gb+me"))
        var foreign = VirtualNode.instance(media, at: Placement(start: 0, size: 1), gpu: 0, use: .foreign("pid 9"))
        foreign.profileID = nil
        foreign.profile = "1g.odd"
        test.turn([
            .node(
                NodeSnapshot(gpus: [
                    .init(index: 0, uuid: GPUUUID(rawValue: "GPU-0"), geometry: geometry, instances: [foreign])
                ]))
        ])
        for number in 0..<6 { #expect(test.submit("j\(number)", leaves: 1) == ["j\(number)"]) }
        #expect(test.submit("j6", leaves: 1) == [])
        #expect(test.orders.allSatisfy { !$0.leaves[0].placement.overlaps(foreign.placement) && $0.destroys == [] })
    }

    /// Two kinds of GPU: a gang never mixes leaves of different sizes where one size is enough.
    @Test func mixedGPUs() {
        var test = Harness([.a100With40GB, .h100])
        test.submit("a", leaves: 7)
        test.submit("b", leaves: 7)
        for id in ["a", "b"] { #expect(test.order(id) != nil, "\(id)") }
        #expect(Set(test.orders.flatMap(\.leaves).map { "\($0.gpu)@\($0.placement)" }).count == 14)
    }

    @Test func aLeafOfAnUnknownProfileServesAnybody() {
        var test = Harness()
        var instance = test.node.instances[0].instance
        instance.profile = "1g.5gb.new"
        instance.profileID = nil
        var snapshot = test.node.snapshot
        snapshot.gpus[0].instances[0] = instance
        test.turn([.node(snapshot)])
        #expect(test.submit("thin", leaves: 6) { $0.leafType = .thin } == [])
        #expect(test.last.answers.first?.problem != nil)
        #expect(test.submit("any", leaves: 7) == ["any"])
        #expect(test.order("any")?.leaves.contains { $0.profile == "1g.5gb.new" && $0.profileID == nil } == true)
    }

    /// A job that runs is expected to take what earlier ones took, and no longer than its limit.
    @Test func runTimesAreLearned() {
        var test = Harness()
        for (number, seconds) in [10.0, 20, 30].enumerated() {
            test.submit("r\(number)", leaves: 7) { $0.name = "train" }
            test.launch("r\(number)")
            test.now += seconds
            test.end("r\(number)")
            #expect(test.last.memoryHasChanged)
        }
        test.submit("next", leaves: 7) { $0.name = "train" }
        #expect(test.queue.job("next")?.progress.expectedSeconds == 20)
        let lesson = test.queue.memory(now: test.now).lessons.first
        #expect(lesson?.mean == 20 && lesson?.spread == 10)
        test.launch("next")
        test.end("next")
        test.submit("limited", leaves: 7) {
            $0.name = "train"
            $0.timeLimitSeconds = 5
        }
        #expect(test.queue.job("limited")?.progress.expectedSeconds == 5)
    }

    @Test func othersSeeNoArguments() {
        let job = Harness.job("a", leaves: 1)
        let other = Caller(userID: 2, userName: "o", isAdministrator: false)
        #expect(job.shown(to: other).command == ["/bin/x"])
        #expect(job.shown(to: Caller(userID: 1000, userName: "u", isAdministrator: false)).command.count == 2)
        #expect(job.shown(to: Caller(userID: 0, userName: "root", isAdministrator: true)).command.count == 2)
    }
}
