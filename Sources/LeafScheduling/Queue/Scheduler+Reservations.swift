extension Scheduler {
    /// Adds the reservations of those behind the first in line: conservative backfill to a depth.
    mutating func reserveMore<Client: SchedulingClient>(
        _ reservations: Int, lookAhead: Int, now: Double, client: Client
    ) {
        guard var promise, promise.time.isFinite else { return }
        promise.others = othersInFront(
            of: nil, besides: promise.job, atMost: reservations - 1, lookAhead: lookAhead
        ).map { ($0, .infinity) }
        let times = plannedStarts(promise, now: now, client: client)
        for at in promise.others.indices { promise.others[at].time = times[at + 1] }
        self.promise = promise
    }

    /// The waiting jobs whose tenants' quotas allow them, in the order of their lines, up to a job.
    func othersInFront(of job: Int32?, besides first: Int32, atMost most: Int, lookAhead: Int) -> [QueuedJob] {
        var (jobs, looked) = ([QueuedJob](), 0)
        for line in turn {
            for place in 0..<lines[line].count {
                let its = lines[line][place]
                guard jobs.count < most, looked <= lookAhead, its.id != job else { return jobs }
                looked += 1
                if its.id != first, isAllowed(its) { jobs.append(its) }
            }
        }
        return jobs
    }

    /// When the promised jobs would start if they started in this order, each as soon as it can, and nobody else did.
    mutating func plannedStarts<Client: SchedulingClient>(
        _ promise: Promise, now: Double, client: Client
    ) -> [Double] {
        var journal = PlanJournal()
        defer { pool.undo(&journal) }
        var time = now
        var times: [Double] = []
        let first = [(promise.kind, promise.job, promise.option)]
        for (kind, id, option) in first + promise.others.map({ (Int($0.job.kind), $0.job.id, nil) }) {
            if time.isFinite {
                time = plan(kind, option, id: id, from: time, into: &journal, client: client) ?? .infinity
            }
            times.append(time)
        }
        return times
    }

    /// Plans a job by the option that can be had first. - Returns: its start, or nil when no end is in sight.
    mutating func plan<Client: SchedulingClient>(
        _ kind: Int, _ only: Int?, id: Int32, from time: Double, into journal: inout PlanJournal, client: Client
    ) -> Double? {
        var best: (option: Int, start: Double)?
        for option in kinds[kind].options.indices where only.map({ $0 == option }) ?? true {
            let start = max(time, pool.earliestStart(kinds[kind].options[option]))
            if start < best?.start ?? .infinity { best = (option, start) }
        }
        guard let option = best?.option,
            let start = pool.plan(kinds[kind].options[option], from: time, into: &journal, units: &planned)
        else { return nil }
        let seconds = client.expectedSeconds(of: id, option: option, facts: pool.facts(planned))
        pool.expect(planned, until: start + seconds)
        return start
    }
}
