import LeafScheduling
import MIGModel
import NodeAPI

/// What events do to jobs.
extension NodeQueue {
    // MARK: Coming

    mutating func submit(_ submitted: ServiceJob, _ draft: inout Draft) {
        guard numbers[submitted.id] == nil else {
            draft.turn.answers.append(
                .init(id: submitted.id, problem: Problem(.conflict, "there is a job \(submitted.id) already")))
            return
        }
        var job = submitted
        job.submission.environment = [:]
        job.progress = JobProgress()
        let ask = LeafAsk(job.submission)
        if let problem = refusal(of: job, ask) {
            draft.turn.answers.append(.init(id: job.id, problem: problem))
            return
        }
        let number = add(job, ask)
        draft.touched.insert(number)
        draft.turn.answers.append(.init(id: job.id, problem: nil))
        demand.note(Int32(kindNumber(for: ask)))
        if !needsRebuild {
            if Demand.isWeighed(after: job.sequence) { demand.weigh(&scheduler, weights: &weights) }
            enqueue(number, now: draft.now.queue)
        }
    }

    /// Why a job can never run here; nil where it can.
    private mutating func refusal(of job: ServiceJob, _ ask: LeafAsk) -> Problem? {
        if let known = kindOf[ask], !kinds[known].offers.isEmpty {
            // Known, and possible.
        } else {
            let (kind, answer) = book.kind(for: ask)
            if kind.offers.isEmpty { return impossible(ask, answer) }
        }
        _ = tenant(job.tenant)
        if let quota = configuration.tenants[job.tenant]?.quota, ask.leaves > quota {
            return Problem(
                .impossible,
                "It asks for \(ask.leaves) slices of work, and the tenant \(job.tenant) may never have more than "
                    + "\(quota) at a time. Ask for fewer leaves, or have the quota raised.")
        }
        return nil
    }

    private func impossible(_ ask: LeafAsk, _ answer: LeafCatalog.Answer) -> Problem {
        if book.gpus.isEmpty {
            let troubles = node.gpus.compactMap(\.trouble)
            return Problem(
                .impossible,
                "No GPU of this node can be used: " + (troubles.first ?? "none has MIG switched on")
                    + ". `flexmig node list` shows them.")
        }
        let way = "`flexmig node list` shows the leaves that there are."
        if !answer.sawSize { return Problem(.impossible, "This node has no leaf for \(ask.words). \(way)") }
        if !answer.sawMemory {
            return Problem(.impossible, "No leaf of this node has \(ask.memoryMiB) MiB, as asked for. \(way)")
        }
        return Problem(
            .impossible,
            "It asks for \(ask.words), and this node has no more than \(answer.most) that will do, even when nothing runs. "
                + "Ask for fewer. \(way)")
    }

    mutating func add(_ job: ServiceJob, _ ask: LeafAsk) -> Int32 {
        let number = nextNumber
        nextNumber += 1
        jobs[number] = Live(job: job, ask: ask)
        numbers[job.id] = number
        board.entries[number] = .init(
            expectation: board.estimates.expectation(of: job), asked: ask.leaves, kind: kindNumber(for: ask))
        _ = tenant(job.tenant)
        return number
    }

    /// The number of an ask's kind; where it needs leaves that nobody asked for before, the pool is to be made anew.
    mutating func kindNumber(for ask: LeafAsk) -> Int {
        if let known = kindOf[ask] { return known }
        let kind = book.kind(for: ask).kind
        if book.catalog.classes.count > scheduler.pool.classCount, !book.gpus.isEmpty { needsRebuild = true }
        let options = JobKind(options: kind.offers.map(\.option), slices: ask.leaves)
        let number = numberOfKind[options] ?? kinds.count
        if number == kinds.count {
            kinds.append(kind)
            numberOfKind[options] = number
            _ = scheduler.add(options)
            board.isWhole.append(kind.offers.map(\.isWhole))
        }
        kindOf[ask] = number
        return number
    }

    /// A tenant's number in the scheduler; one beyond all for those that nothing is counted of.
    mutating func tenant(_ name: String) -> Int {
        if let known = tenantNumbers[name] { return known }
        guard configuration.isFair else { return tenantNames.count }
        tenantNumbers[name] = tenantNames.count
        tenantNames.append(name)
        needsRebuild = true
        return tenantNames.count - 1
    }

    /// Puts a queued job in line, or where it has to wait otherwise.
    mutating func enqueue(_ number: Int32, now: Double) {
        guard var live = jobs[number], live.hold == nil else { return }
        visited += 1
        defer { jobs[number] = live }
        if let notBefore = live.job.progress.notBefore, notBefore > now {
            live.place = .delayed
            live.use &+= 1
            timers.push(.init(time: notBefore, kind: .job, number: number, use: live.use))
            return
        }
        live.job.progress.notBefore = nil
        let kind = kindNumber(for: live.ask)
        guard !kinds[kind].offers.isEmpty else {
            live.place = .parked
            return
        }
        board.entries[number]?.kind = kind
        let entry = board.entries[number]
        let group = GroupKey(ask: live.ask, pace: entry?.expectation.pace ?? 0)
        let place = groups[group] ?? groups.count
        groups[group] = place
        scheduler.submit(
            QueuedJob(
                id: number, kind: kind, tenant: tenant(live.job.tenant), group: place,
                key: QueueOrder(secondsPerPriority: configuration.secondsPerPriority).key(
                    arrival: live.job.submittedAt.queue, priority: live.job.submission.priority),
                leastSeconds: entry.map { leastSeconds($0, kinds[kind]) } ?? 0))
        live.place = .line
    }

    /// No way to serve a job is expected to take fewer seconds.
    private func leastSeconds(_ entry: StartBoard.Entry, _ kind: NodeBook.Kind) -> Double {
        var least = Double.infinity
        for offer in kind.offers {
            for (gpu, ids) in offer.members.enumerated() {
                for id in ids {
                    guard let profile = book.catalog.profiles[gpu].first(where: { $0.id == id }),
                        let placement = profile.placements.first
                    else { continue }
                    // At its best: every leaf on a link of its own.
                    let unit = GPUShape.Unit(profile, at: placement)
                    let shape = GangShape(
                        isWhole: offer.isWhole, leaves: offer.option.count, slowest: unit,
                        fullMultiprocessors: book.fullMultiprocessors(ofKind: gpu),
                        multiprocessors: unit.multiprocessors * offer.option.count, mostLeavesOnOneGPU: 1,
                        gpus: offer.option.count, nodes: 1, foreignLinkLoad: 0)
                    least = min(least, board.estimates.seconds(entry.expectation, asked: entry.asked, on: shape))
                }
            }
        }
        // A little less, for rounding.
        return min(least, 1e300) * 0.999_999
    }

    // MARK: Going on

    /// Lets a job's life answer an event, and does what follows from it.
    mutating func tell(_ number: Int32, _ event: JobLife.Event, _ draft: inout Draft) {
        guard var live = jobs[number] else { return }
        visited += 1
        var life = JobLife(progress: live.job.progress, retries: live.job.submission.retries)
        let effect = life.handle(event, now: draft.now)
        guard effect != .none else { return }
        live.job.progress = life.progress
        jobs[number] = live
        draft.touched.insert(number)
        switch effect {
        case .none, .changed: break
        case .end(let cause): draft.turn.actions.append(.end(id: live.job.id, cause))
        case .leavesLine:
            if case .line = live.place { _ = scheduler.cancel(number) }
            forget(number, &draft)
        case .over:
            release(number)
            forget(number, &draft)
        case .backInLine(let afterFailure):
            release(number)
            if afterFailure {
                let failures = max(live.job.progress.failedStarts, live.job.progress.attempts)
                let until = draft.now.queue + delay(after: failures)
                jobs[number]?.job.progress.notBefore = until
            }
            if !needsRebuild { enqueue(number, now: draft.now.queue) }
        }
    }

    /// A second after the first failure, then twice as long each time.
    func delay(after failures: Int) -> Double {
        min(Double(1 << min(max(failures, 1) - 1, 30)), configuration.mostRetryDelay)
    }

    /// Gives a job's leaves back.
    private mutating func release(_ number: Int32) {
        guard var live = jobs[number], let hold = live.hold else { return }
        live.hold = nil
        live.place = .out
        live.use &+= 1
        jobs[number] = live
        holders.remove(number)
        scheduler.end(hold.start)
        // What was to be cut for it may not be there.
        for unit in hold.cuts {
            let gpu = Int(unit.gpu)
            scheduler.pool.setIdleInstances(
                scheduler.pool.idleInstances(of: gpu) & ~(1 << UInt64(unit.unit)), of: gpu)
        }
        for gpu in Set(hold.units.map { Int($0.gpu) }) {
            if book.gpus[gpu].ghosts != 0 { needsRebuild = true }
            syncHolds(gpu)
        }
    }

    /// A job is over.
    private mutating func forget(_ number: Int32, _ draft: inout Draft) {
        guard let live = jobs.removeValue(forKey: number) else { return }
        numbers[live.job.id] = nil
        board.entries[number] = nil
        draft.touched.remove(number)
        draft.over.append(live.job)
        draft.turn.actions.append(.forget(id: live.job.id))
        lastOver.append(live.job.id)
        if lastOver.count > 512 { lastOver.removeFirst(256) }
    }

    mutating func cancel(_ id: String, _ draft: inout Draft) {
        guard let number = numbers[id] else { return }
        tell(number, .cancel, &draft)
    }

    mutating func started(_ id: String, _ leaves: [PlacedLeaf], supervisor: Int32, _ draft: inout Draft) {
        guard let number = numbers[id], let hold = jobs[number]?.hold else { return }
        let state = jobs[number]?.job.progress.state
        guard state == .starting || state == .ending, jobs[number]?.job.progress.supervisor == nil else { return }
        tell(number, .started(leaves, supervisor: supervisor), &draft)
        jobs[number]?.hold?.cuts = []
        for leaf in leaves {
            if let unit = book.unit(of: leaf) { book.gpus[Int(unit.gpu)].uuids[Int(unit.unit)] = leaf.uuid }
        }
        let expected = draft.now.queue + hold.start.expectedSeconds
        if expected != hold.expectedEnd, expected.isFinite { expect(number, until: expected) }
    }

    mutating func couldNotStart(_ id: String, _ failure: StartFailure, _ draft: inout Draft) {
        guard let number = numbers[id], let live = jobs[number], let hold = live.hold,
            live.job.progress.state == .starting || live.job.progress.state == .ending,
            live.job.progress.supervisor == nil
        else { return }
        let failures = live.job.progress.failedStarts + 1
        let leaves = failure.leaves.isEmpty ? live.job.progress.leaves : failure.leaves
        switch failure.kind {
        case .taken: pause(leaves: leaves, gpus: [], untilSeen: failures < 3, failures, draft.now.queue)
        case .cut: pause(leaves: [], gpus: Set(leaves.map(\.gpu)).sorted(), untilSeen: false, failures, draft.now.queue)
        case .node, .program: break
        }
        scheduler.refund(hold.start, now: hold.from)
        tell(number, .couldNotStart(failure), &draft)
        applyNode()
    }

    private mutating func pause(
        leaves: [PlacedLeaf], gpus: [Int], untilSeen: Bool, _ failures: Int, _ now: Double
    ) {
        pauses[nextPause] = Pause(leaves: leaves, gpus: gpus, untilSeen: untilSeen)
        timers.push(.init(time: now + delay(after: failures), kind: .pause, number: nextPause, use: 0))
        nextPause &+= 1
    }

    mutating func ended(_ id: String, _ result: JobResult, _ draft: inout Draft) {
        guard let number = numbers[id], let live = jobs[number], let hold = live.hold else { return }
        let entry = board.entries[number]
        if result.kind == .succeeded, live.job.progress.endCause == nil, let entry {
            let shape = board.shape(
                hold.start.facts,
                isWhole: board.isWhole[entry.kind].indices.contains(hold.start.option)
                    ? board.isWhole[entry.kind][hold.start.option] : hold.start.facts.leaves == 1)
            if board.estimates.learn(live.job, seconds: draft.now.queue - hold.from, on: shape) {
                draft.turn.memoryHasChanged = true
            }
        }
        tell(number, .ended(result), &draft)
    }

    // MARK: After a crash

    /// Takes a job in that the store had, or that was adopted.
    mutating func take(_ found: ServiceJob, _ what: Found, _ draft: inout Draft) {
        guard numbers[found.id] == nil, !found.progress.state.isOver else { return }
        var job = found
        job.submission.environment = [:]
        let number = add(job, LeafAsk(job.submission))
        draft.touched.insert(number)
        needsRebuild = true
        switch what {
        case .waiting:
            if job.progress.endCause == .cancelled {
                jobs[number]?.job.progress.state = .queued
                tell(number, .cancel, &draft)
                return
            }
            if job.progress.state != .queued {
                jobs[number]?.job.progress.reason = nil
                jobs[number]?.job.progress.endCause = nil
            }
            jobs[number]?.job.progress.state = .queued
            jobs[number]?.job.progress.supervisor = nil
        case .running(let leaves, let supervisor):
            if job.progress.state == .queued { jobs[number]?.job.progress.state = .starting }
            // A start that was never told is told now.
            if job.progress.state == .starting || job.progress.state == .queued {
                tell(number, .started(leaves, supervisor: supervisor), &draft)
            }
            jobs[number]?.job.progress.leaves = leaves
            jobs[number]?.job.progress.supervisor = supervisor
            if job.progress.state == .ending, let cause = job.progress.endCause {
                draft.turn.actions.append(.end(id: job.id, cause))
            }
            let from = job.progress.startedAt?.queue ?? draft.now.queue
            let start = JobStart(
                found: QueuedJob(id: number, kind: kindNumber(for: LeafAsk(job.submission)), key: 0),
                expectedSeconds: job.progress.expectedSeconds ?? .infinity)
            var end = from + start.expectedSeconds
            if end <= draft.now.queue { end = max(draft.now.queue + 1, from + 2 * (draft.now.queue - from)) }
            jobs[number]?.hold = Holding(start: start, units: [], from: from, expectedEnd: end)
            holders.insert(number)
        case .ended(let result):
            if job.progress.state == .queued { jobs[number]?.job.progress.state = .starting }
            tell(number, .ended(result), &draft)
        }
    }
}
