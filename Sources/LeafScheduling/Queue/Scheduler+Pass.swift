extension Scheduler {
    /// Starts whatever may start now.
    public mutating func pass<Client: SchedulingClient>(now: Double, client: inout Client) {
        defer { newcomers.removeAll(keepingCapacity: true) }
        if !needsPass {
            passNewcomers(now: now, client: &client)
            return
        }
        needsPass = false
        repeat {
            passOnce(now: now, client: &client)
            // A start changes whose turn it is by quota and share, and frees the reservation of whoever has started.
        } while startedBehind > 0 && (!shares.entitlements.isEmpty || discipline.reservations > 1)
    }

    private mutating func passOnce<Client: SchedulingClient>(now: Double, client: inout Client) {
        passNumber += 1
        moment += 1
        promise = nil
        startedBehind = 0
        while let (line, place) = firstPlace() {
            let job = lines[line][place]
            if firstInLine != job.id { (firstInLine, overtaken) = (job.id, 0) }
            guard let choice = choose(job, now: now, client: client) else { break }
            run(choice, at: place, of: line, client: &client, now: now)
        }
        guard waiting > 0, case .backfill(let reservations, let lookAhead) = discipline, overtaken < overtakingLimit,
            let (line, place) = firstPlace(), closeKinds()
        else { return }
        promise = reserve(lines[line][place], now: now, client: client)
        if reservations > 1 { reserveMore(reservations, lookAhead: lookAhead, now: now, client: client) }
        backfill(lookAhead: lookAhead, first: (line, place), now: now, client: &client)
    }

    /// The job whose turn it is.
    ///
    /// In one line the first that its tenant's quota allows, among those that are looked at; of several lines that of the
    /// tenant with the least use, where its quota allows the first.
    mutating func firstPlace() -> (line: Int, place: Int)? {
        if lines.count == 1 {
            guard !shares.entitlements.isEmpty else { return lines[0].isEmpty ? nil : (0, 0) }
            let seen = min(lines[0].count, max(discipline.lookAhead, 1000) + 1)
            return (0..<seen).first { isAllowed(lines[0][$0]) }.map { (0, $0) }
        }
        let shares = shares
        turn.sort { (shares.standing(of: $0), $0) < (shares.standing(of: $1), $1) }
        return turn.first { line in !lines[line].isEmpty && isAllowed(lines[line][0]) }.map { ($0, 0) }
    }

    func isAllowed(_ job: QueuedJob) -> Bool {
        shares.allows(kinds[Int(job.kind)].slices, for: Int(job.tenant))
    }

    private mutating func passNewcomers<Client: SchedulingClient>(now: Double, client: inout Client) {
        guard !newcomers.isEmpty, case .backfill = discipline, overtaken < overtakingLimit else { return }
        for at in newcomers.indices {
            guard let place = lines[0].place(ofLast: newcomers[at]) else { continue }
            let job = lines[0][place]
            guard place > 0, closed[Int(job.kind)] != passNumber, fits(Int(job.kind)) else { continue }
            // The last pass made no promise when nobody could have passed.
            let promise = promise ?? reserve(lines[0][0], now: now, client: client)
            self.promise = promise
            guard let start = chooseBehind(promise, job, now: now, client: client) else { continue }
            run(start, at: place, of: 0, client: &client, now: now)
            overtaken += 1
            guard overtaken < overtakingLimit else { return }
        }
    }

    private mutating func backfill<Client: SchedulingClient>(
        lookAhead: Int, first: (line: Int, place: Int), now: Double, client: inout Client
    ) {
        guard var promise else { return }
        var looked = 0
        for line in turn {
            var place = line == first.line ? first.place + 1 : 0
            while place < lines[line].count, looked < lookAhead {
                let job = lines[line][place]
                looked &+= 1
                let kind = Int(job.kind)
                if closed[kind] == passNumber
                    || closedForLong[kind] == moment && now + job.leastSeconds > promise.time
                    || hasWaited(job)
                {
                    place &+= 1
                    continue
                }
                guard let start = chooseBehind(promise, job, now: now, client: client) else {
                    place &+= 1
                    continue
                }
                run(start, at: place, of: line, client: &client, now: now)
                // Who has started needs no reservation any more.
                promise.others.removeAll { $0.job.id == job.id }
                self.promise = promise
                overtaken += 1
                startedBehind += 1
                guard overtaken < overtakingLimit, waiting > 1, anyKindIsOpen() else { return }
            }
        }
    }

    /// Whether a job of the group that is no longer has chosen to wait just now.
    func hasWaited(_ job: QueuedJob) -> Bool {
        let group = Int(job.group)
        return group < waited.count && waited[group].moment == moment && waited[group].seconds <= job.leastSeconds
    }

    /// Marks the waiting kinds that can't be had now. - Returns: whether any other is left.
    private mutating func closeKinds() -> Bool {
        var isAnyOpen = false
        for kind in kinds.indices where waitingOfKind[kind] > 0 {
            if fits(kind) { isAnyOpen = true } else { closed[kind] = passNumber }
        }
        return isAnyOpen
    }

    private mutating func anyKindIsOpen() -> Bool {
        for kind in kinds.indices where waitingOfKind[kind] > 0 && closed[kind] != passNumber {
            if fits(kind) { return true }
            closed[kind] = passNumber
        }
        return false
    }

    private mutating func fits(_ kind: Int) -> Bool {
        for option in kinds[kind].options.indices where pool.canTake(kinds[kind].options[option]) { return true }
        return false
    }

    mutating func run<Client: SchedulingClient>(
        _ choice: Choice, at place: Int, of line: Int, client: inout Client, now: Double
    ) {
        let job = lines[line][place]
        let load = client.linkLoad(of: job.id, option: choice.option, facts: choice.facts)
        let delay = choice.facts.recuts ? recutSeconds : 0
        moment += 1
        let hold = pool.hold(units, until: now + delay + choice.seconds, linkLoad: load)
        shares.start(kinds[Int(job.kind)].slices, for: Int(job.tenant), seconds: choice.seconds, now: now)
        take(out: place, of: line)
        client.start(
            JobStart(
                job: job, option: choice.option, facts: choice.facts, hold: hold, linkLoad: load,
                expectedSeconds: choice.seconds),
            units: units)
        units.removeAll(keepingCapacity: true)
    }
}
