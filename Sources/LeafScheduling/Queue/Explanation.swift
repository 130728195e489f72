/// Why a waiting job does not start now, what would change that, and when it is expected to start.
public struct Explanation: Hashable, Sendable {
    public var job: Int32
    /// The moment that it holds for.
    public var time: Double
    /// The ways to serve the job; obstacles name them by their place here.
    public var options: [GangOption]
    /// Every reason that holds, those first that waiting can't mend. Empty where the next pass starts the job.
    public var obstacles: [Obstacle]
    /// The job whose turn it is; nil where no tenant's quota allows any.
    public var first: Int32?
    /// How many waiting jobs are in front of this one.
    public var ahead: Int
    public var expectedStart: ExpectedStart

    /// What would take the obstacles away, obstacle by obstacle, each change once.
    public var changes: [Change] {
        var all: [Change] = []
        for change in obstacles.flatMap({ $0.changes(now: time) }) where !all.contains(change) { all.append(change) }
        return all
    }
}

/// When a job is expected to start, by all that is expected now.
public enum ExpectedStart: Hashable, Sendable {
    case now
    /// When all jobs in front have started in their order, each as soon as it can, and run as long as expected.
    case at(Double)
    case never
    case unknown([Reason])

    /// Why nobody can tell.
    public enum Reason: Hashable, Sendable {
        /// So many leaves are held without an expected end: their jobs have no time limit.
        case runningWithoutEnd(leaves: Int)
        /// A job in front has no time limit.
        case waitingWithoutEnd(job: Int32)
        /// A job in front can never start, and nobody passes it.
        case neverInFront(job: Int32)
        /// The leaves that it takes are withheld.
        case withheld
        /// The tenant's quota is used up, and nothing is said about when it is given back.
        case quota
    }
}

extension Scheduler {
    /// Explains why a job waits; nil for a job that doesn't.
    ///
    /// Looks at a copy as the next pass would: nothing changes, and equal schedulers give equal answers. Ask after a pass.
    /// - Complexity: O(GPUs + waiting jobs): for people, not for the hot path.
    public func explain<Client: SchedulingClient>(_ job: Int32, now: Double, client: Client) -> Explanation? {
        var copy = self
        return copy.explanation(of: job, now: now, client: client)
    }

    private mutating func explanation<Client: SchedulingClient>(
        of id: Int32, now: Double, client: Client
    ) -> Explanation? {
        let first = firstPlace()
        var found: (place: Int, line: Int, ahead: Int)?
        var ahead = 0
        for line in turn {
            if let place = lines[line].place(of: id) {
                found = (place, line, ahead + place)
                break
            }
            ahead += lines[line].count
        }
        guard let found else { return nil }
        let job = lines[found.line][found.place]
        let options = kinds[Int(job.kind)].options
        moment += 1
        passNumber += 1

        var obstacles: [Obstacle] = options.isEmpty ? [.nothingSuits] : []
        let byOption = options.indices.map { pool.obstacles(options[$0], number: $0) }
        if byOption.allSatisfy({ !$0.isEmpty }) {
            obstacles += byOption.joined().filter(\.isFinal) + byOption.joined().filter { !$0.isFinal }
        }
        obstacles += quotaObstacles(job)
        let canBeTaken = obstacles.isEmpty
        if let first, lines[first.line][first.place].id != id {
            obstacles += queueObstacles(
                job, first: first, ahead: found.ahead, canBeTaken: canBeTaken, now: now, client: client)
        } else if first == nil, canBeTaken {
            // No tenant's quota allows any that is looked at.
            let leader = lines[found.line][0].id
            obstacles.append(
                lines.count == 1
                    ? .beyondLookAhead(job: leader, places: found.place, lookAhead: max(discipline.lookAhead, 1000))
                    : .behind(job: leader, ahead: found.place))
        } else if canBeTaken {
            obstacles += choiceObstacles(job, now: now, client: client)
        }
        var explanation = Explanation(
            job: id, time: now, options: options, obstacles: obstacles,
            first: first.map { lines[$0.line][$0.place].id }, ahead: found.ahead, expectedStart: .now)
        if !obstacles.isEmpty { explanation.expectedStart = expectedStart(job, obstacles, now: now, client: client) }
        return explanation
    }

    private func quotaObstacles(_ job: QueuedJob) -> [Obstacle] {
        let (slices, tenant) = (kinds[Int(job.kind)].slices, Int(job.tenant))
        guard !isAllowed(job), let quota = shares.entitlements[tenant].quota else { return [] }
        if !shares.canEver(slices, for: tenant) { return [.neverByQuota(wanted: slices, quota: quota)] }
        return [.quota(wanted: slices, held: shares.held[tenant], quota: quota)]
    }

    /// Why it waits though leaves are free and nobody is in front.
    private mutating func choiceObstacles<Client: SchedulingClient>(
        _ job: QueuedJob, now: Double, client: Client
    ) -> [Obstacle] {
        guard choose(job, now: now, client: client) == nil else {
            pool.putBack(&units)
            return []
        }
        if let wait = earliestWait(job, now: now, client: client).best, wait.time.isFinite {
            return [.finishesEarlierLater(start: wait.time)]
        }
        return [.spansUnknown(most: 2)]
    }

    /// What the line says about a job that is not the first.
    private mutating func queueObstacles<Client: SchedulingClient>(
        _ job: QueuedJob, first: (line: Int, place: Int), ahead: Int, canBeTaken: Bool, now: Double, client: Client
    ) -> [Obstacle] {
        let leader = lines[first.line][first.place]
        guard case .backfill(let reservations, let lookAhead) = discipline else {
            return [.behind(job: leader.id, ahead: ahead)]
        }
        var obstacles: [Obstacle] = []
        if overtaken >= overtakingLimit, firstInLine == leader.id || overtakingLimit == 0 {
            obstacles.append(.overtakenEnough(job: leader.id, times: overtakingLimit))
        }
        let places = placesLookedAt(before: job.id, first: first) + startedBehind
        if places >= lookAhead {
            obstacles.append(.beyondLookAhead(job: leader.id, places: places + 1, lookAhead: lookAhead))
        }
        guard canBeTaken else { return obstacles }
        // The first in line starts in the next pass if it can; what is left for others is known then.
        promise = reserve(leader, now: now, client: client)
        if reservations > 1 { reserveMore(reservations, lookAhead: lookAhead, now: now, client: client) }
        guard let promise else { return obstacles }
        guard chooseBehind(promise, job, now: now, client: client) == nil else {
            pool.touch(units)
            pool.putBack(&units)
            return obstacles
        }
        guard let choice = choose(job, now: now, client: client) else {
            return obstacles + choiceObstacles(job, now: now, client: client)
        }
        let end = now + (choice.facts.recuts ? recutSeconds : 0) + choice.seconds
        let late = firstDelayed(promise, end: end, now: now, client: client) ?? (leader.id, promise.time)
        pool.touch(units)
        pool.putBack(&units)
        return obstacles + [.wouldDelay(job: late.job, promised: late.time)]
    }

    /// How many jobs backfill looks at before it comes to a job.
    private func placesLookedAt(before id: Int32, first: (line: Int, place: Int)) -> Int {
        var looked = 0
        for line in turn {
            for place in (line == first.line ? first.place + 1 : 0)..<max(lines[line].count, first.place + 1) {
                guard place < lines[line].count else { break }
                if lines[line][place].id == id { return looked }
                looked += 1
            }
        }
        // In front of the first in line by its place, behind it by its quota.
        return 0
    }

    private mutating func isHopeless(_ kind: Int32) -> Bool {
        let options = kinds[Int(kind)].options
        return options.indices.allSatisfy { pool.obstacles(options[$0], number: $0).contains(where: \.isFinal) }
    }

    private mutating func expectedStart<Client: SchedulingClient>(
        _ job: QueuedJob, _ obstacles: [Obstacle], now: Double, client: Client
    ) -> ExpectedStart {
        guard !isHopeless(job.kind), !obstacles.contains(where: { if case .neverByQuota = $0 { true } else { false } }) else {
            return .never
        }
        guard isAllowed(job) else { return .unknown([.quota]) }
        if obstacles.count == 1, case .finishesEarlierLater(let start) = obstacles[0] { return .at(start) }
        var journal = PlanJournal()
        defer { pool.undo(&journal) }
        var time = now
        var reasons: [ExpectedStart.Reason] = []
        for other in othersInFront(of: job.id, besides: job.id, atMost: .max, lookAhead: .max - 1) {
            guard let start = plan(Int(other.kind), nil, id: other.id, from: time, into: &journal, client: client) else {
                // Under backfill everybody passes a job that nothing can be promised to.
                guard discipline == .fifo else { continue }
                if isHopeless(other.kind) { return .unknown([.neverInFront(job: other.id)]) }
                time = .infinity
                break
            }
            time = start
            if planned.contains(where: { pool.endOf[Int($0.gpu) * pool.stride + Int($0.unit)] == .infinity }),
                reasons.isEmpty
            {
                reasons.append(.waitingWithoutEnd(job: other.id))
            }
        }
        let isUnspanned = obstacles.contains { if case .spansUnknown = $0 { true } else { false } }
        if !isUnspanned, let start = plan(Int(job.kind), nil, id: job.id, from: time, into: &journal, client: client) {
            return .at(start)
        }
        pool.undo(&journal)
        let endless = pool.busyUnits().count { $0.end == .infinity }
        if endless > 0 { reasons.insert(.runningWithoutEnd(leaves: endless), at: 0) }
        if pool.withheldAnything { reasons.append(.withheld) }
        return .unknown(reasons)
    }
}
