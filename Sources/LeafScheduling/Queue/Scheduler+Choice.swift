extension Scheduler {
    /// How a job would start now. Its leaves are taken and in `units`.
    struct Choice {
        var option: Int
        var facts: GangFacts
        var seconds: Double
    }

    /// Takes leaves for a job by the rule, or nil when it can't or had better not start now.
    mutating func choose<Client: SchedulingClient>(_ job: QueuedJob, now: Double, client: Client) -> Choice? {
        decisions &+= 1
        guard isAllowed(job) else { return nil }
        switch rule {
        case .firstThatFits:
            let kind = Int(job.kind)
            for option in kinds[kind].options.indices {
                if let choice = take(option, of: job, client: client) { return choice }
            }
            return nil
        case .earliestFinish:
            return chooseEarliestFinish(job, now: now, client: client)
        }
    }

    /// Takes leaves for a job by one of its options.
    mutating func take<Client: SchedulingClient>(_ option: Int, of job: QueuedJob, client: Client) -> Choice? {
        units.removeAll(keepingCapacity: true)
        guard let facts = pool.take(kinds[Int(job.kind)].options[option], into: &units) else { return nil }
        let seconds = client.expectedSeconds(of: job.id, option: option, facts: facts)
        return Choice(option: option, facts: facts, seconds: seconds)
    }

    /// The least cost among what can be had now and what can be waited for; see ``ChoiceRule/earliestFinish``.
    private mutating func chooseEarliestFinish<Client: SchedulingClient>(
        _ job: QueuedJob, now: Double, client: Client
    ) -> Choice? {
        let kind = Int(job.kind)
        let wait = earliestWait(job, now: now, client: client)
        var best: (option: Int, cost: Double)?
        var isKnown = true
        for option in kinds[kind].options.indices {
            guard pool.canTake(kinds[kind].options[option]) else { continue }
            guard let choice = take(option, of: job, client: client) else { continue }
            pool.putBack(&units)
            let seconds = (choice.facts.recuts ? recutSeconds : 0) + choice.seconds
            isKnown = isKnown && seconds.isFinite
            let cost = seconds + burden(choice.facts.takenSlices * choice.seconds - wait.leanest)
            if best.map({ cost < $0.cost }) ?? true { best = (option, cost) }
        }
        guard var best else { return nil }
        if isKnown, let later = wait.best, later.time.isFinite {
            if later.cost < best.cost {
                note(job)
                return nil
            }
        } else if !isKnown || wait.best != nil {
            // Nobody knows how long to wait: one instance, or two leaves of one class, whatever comes first in the list.
            let options = kinds[kind].options
            let small = options.indices.first { options[$0].count <= 2 && pool.canTake(options[$0]) }
            guard let option = small ?? (options.contains { $0.count <= 2 } ? nil : best.option) else { return nil }
            best.option = option
        }
        return take(best.option, of: job, client: client)
    }

    /// How long slice-seconds that are lost put off all who wait, added up.
    private func burden(_ sliceSeconds: Double) -> Double {
        guard sliceSeconds > 0, sliceSeconds.isFinite else { return 0 }
        return sliceSeconds * Double(waiting - 1) / Double(max(pool.sliceTotal, 1))
    }

    private mutating func note(_ job: QueuedJob) {
        let group = Int(job.group)
        while waited.count <= group { waited.append((-1, 0)) }
        if waited[group].moment != moment || waited[group].seconds > job.leastSeconds {
            waited[group] = (moment, job.leastSeconds)
        }
    }

    /// What a job could wait for: the option with the least cost if nobody else came between, nil when there is none that
    /// isn't free now; and the slice-seconds of the leanest of all options.
    mutating func earliestWait<Client: SchedulingClient>(
        _ job: QueuedJob, now: Double, client: Client
    ) -> (best: (option: Int, time: Double, cost: Double)?, leanest: Double) {
        let kind = Int(job.kind)
        var leanest = Double.infinity
        for option in kinds[kind].options.indices {
            let facts = idealFacts(kinds[kind].options[option])
            let seconds = client.expectedSeconds(of: job.id, option: option, facts: facts)
            leanest = min(leanest, facts.takenSlices * seconds)
        }
        var best: (option: Int, time: Double, cost: Double)?
        // One instance is worth a wait; several leaves only for jobs that nothing else is for.
        let hasOne = kinds[kind].options.contains { $0.count == 1 }
        for option in kinds[kind].options.indices where !hasOne || kinds[kind].options[option].count == 1 {
            let wanted = kinds[kind].options[option]
            // Waiting for leaves that are free now is no wait; what they bring is looked at by itself.
            let time = pool.earliestStart(wanted)
            guard time > now else { continue }
            let facts = idealFacts(wanted)
            let seconds = client.expectedSeconds(of: job.id, option: option, facts: facts)
            // While it waits, nobody else can have what is free: under FIFO.
            let idle = discipline == .fifo ? Double(pool.freeTotal) * (time - now) : 0
            let cost = time - now + seconds + burden(facts.takenSlices * seconds - leanest + idle)
            if best.map({ (cost, time) < ($0.cost, $0.time) }) ?? true { best = (option, time, cost) }
        }
        return (best, leanest)
    }

    /// The facts of a gang on GPUs that have nothing else to do.
    private func idealFacts(_ option: GangOption) -> GangFacts {
        var facts = GangFacts()
        let most = max(largestGang[option.leafClass], 1)
        facts.leaves = option.count
        facts.gpus = (option.count + most - 1) / most
        facts.nodes = 1
        facts.numaNodes = 1
        facts.mostLeavesOnOneGPU = min(option.count, most)
        if let shape = pool.shapes.firstIndex(where: { $0.unitsOfClass[option.leafClass] != 0 }) {
            facts.slowestShape = shape
            facts.slowestUnit = pool.shapes[shape].unitsOfClass[option.leafClass].trailingZeroBitCount
            let unit = pool.shapes[shape].units[facts.slowestUnit]
            facts.multiprocessors = option.count * unit.multiprocessors
            facts.computeSlices = option.count * unit.computeSlices
            facts.takenSlices = Double(option.count) * pool.shapes[shape].takenSlices[facts.slowestUnit]
        }
        return facts
    }

    // MARK: Backfill

    /// When the first in line is expected to start.
    mutating func reserve<Client: SchedulingClient>(_ job: QueuedJob, now: Double, client: Client) -> Promise {
        let kind = Int(job.kind)
        switch rule {
        case .firstThatFits:
            return Promise(job: job.id, kind: kind, option: nil, time: max(now, earliestStart(kind)))
        case .earliestFinish:
            let wait = earliestWait(job, now: now, client: client).best
            return Promise(job: job.id, kind: kind, option: wait?.option, time: wait?.time ?? .infinity)
        }
    }

    /// When any of a kind's options can be had.
    mutating func earliestStart(_ kind: Int) -> Double {
        var least = Double.infinity
        for option in kinds[kind].options.indices {
            least = min(least, pool.earliestStart(kinds[kind].options[option]))
        }
        return least
    }

    /// Takes leaves for a job that is not the first in line, if that puts nobody off who has a promise.
    mutating func chooseBehind<Client: SchedulingClient>(
        _ promise: Promise, _ job: QueuedJob, now: Double, client: Client
    ) -> Choice? {
        guard let choice = choose(job, now: now, client: client) else {
            if rule == .firstThatFits, isAllowed(job) { closed[Int(job.kind)] = passNumber }
            return nil
        }
        let end = now + (choice.facts.recuts ? recutSeconds : 0) + choice.seconds
        if end <= promise.time || keeps(promise, end: end, now: now, client: client) { return choice }
        let option = kinds[Int(job.kind)].options[choice.option]
        pool.touch(units)
        pool.putBack(&units)
        // Once more, elsewhere.
        if promise.others.isEmpty, let again = take(option, choice.option, of: job, besides: promise, client: client) {
            let end = now + (again.facts.recuts ? recutSeconds : 0) + again.seconds
            if keeps(promise, end: end, now: now, client: client) { return again }
            pool.touch(units)
            pool.putBack(&units)
        }
        closedForLong[Int(job.kind)] = moment
        return nil
    }

    /// Takes leaves outside the place that a promise is expected to be kept in.
    private mutating func take<Client: SchedulingClient>(
        _ option: GangOption, _ number: Int, of job: QueuedJob, besides promise: Promise, client: Client
    ) -> Choice? {
        guard promise.time.isFinite else { return nil }
        let options = kinds[promise.kind].options
        let promised =
            promise.option.map { options[$0] }
            ?? options.min { first, second in pool.earliestStart(first) < pool.earliestStart(second) }
        guard let promised, pool.earliestStart(promised).isFinite else { return nil }
        let place = pool.earliestPlace(promised)
        let open = place.filter { !pool.isBlocked($0) }
        for gpu in open { pool.setBlocked(true, gpu: gpu) }
        defer { for gpu in open { pool.setBlocked(false, gpu: gpu) } }
        units.removeAll(keepingCapacity: true)
        guard let facts = pool.take(option, into: &units) else { return nil }
        return Choice(
            option: number, facts: facts, seconds: client.expectedSeconds(of: job.id, option: number, facts: facts))
    }

    /// Whether what is promised can be kept with the leaves in `units` gone until `end`.
    private mutating func keeps<Client: SchedulingClient>(
        _ promise: Promise, end: Double, now: Double, client: Client
    ) -> Bool {
        firstDelayed(promise, end: end, now: now, client: client) == nil
    }

    /// The first of the promised jobs that would start later with the leaves in `units` gone until `end`; nil when none.
    mutating func firstDelayed<Client: SchedulingClient>(
        _ promise: Promise, end: Double, now: Double, client: Client
    ) -> (job: Int32, time: Double)? {
        // Where nobody knows when the first in line can start, nothing is promised; the limit on overtaking protects it.
        guard promise.time.isFinite else { return nil }
        pool.expect(units, until: end)
        let time =
            promise.option.map { pool.earliestStart(kinds[promise.kind].options[$0]) } ?? earliestStart(promise.kind)
        guard time <= promise.time else { return (promise.job, promise.time) }
        guard !promise.others.isEmpty else { return nil }
        let times = plannedStarts(promise, now: now, client: client)
        return zip(times.dropFirst(), promise.others).first { $0 > $1.time }.map { ($1.job.id, $1.time) }
    }
}

extension LeafPool {
    /// Says that these leaves' nodes have to be looked at again for what is expected of them.
    mutating func touch(_ units: [LeafUnit]) {
        for unit in units { forecast.touch(gpu: Int(unit.gpu), node: Int(nodeOf[Int(unit.gpu)])) }
    }

    /// Takes leaves for a while that nobody else is to have, with no expected end, until `endClaim`.
    package mutating func claim(_ option: GangOption, into units: inout [LeafUnit]) -> Bool {
        let first = units.count
        guard take(option, into: &units) != nil else { return false }
        expect(Array(units[first...]), until: .infinity)
        return true
    }

    /// Gives back all that was claimed.
    package mutating func endClaim(_ units: inout [LeafUnit]) {
        touch(units)
        putBack(&units)
    }

    /// Says until when leaves that are taken are expected to be.
    mutating func expect(_ units: [LeafUnit], until end: Double) {
        for unit in units {
            endOf[Int(unit.gpu) &* stride &+ Int(unit.unit)] = end
            forecast.touch(gpu: Int(unit.gpu), node: Int(nodeOf[Int(unit.gpu)]))
        }
    }

    /// Everything that is handed out, and until when.
    package func busyUnits() -> [(end: Double, unit: LeafUnit)] {
        var found: [(end: Double, unit: LeafUnit)] = []
        for gpu in 0..<gpuCount {
            var rest = busy[gpu]
            while rest != 0 {
                let unit = rest.trailingZeroBitCount
                rest &= rest &- 1
                found.append((endOf[gpu * stride + unit], LeafUnit(gpu: gpu, unit: unit)))
            }
        }
        return found
    }
}
