import LeafScheduling
import MIGModel
import NodeAPI

/// What the node looks like, and the pool that is made of it.
extension NodeQueue {
    mutating func see(_ snapshot: NodeSnapshot, _ draft: inout Draft) {
        node = snapshot
        for (number, pause) in pauses where pause.untilSeen { pauses[number] = nil }
        if !book.isStill(snapshot) { needsRebuild = true }
        if !needsRebuild { applyNode() }
        endFaulted(&draft)
    }

    /// Ends jobs on leaves that are no good any more, if they want that.
    private mutating func endFaulted(_ draft: inout Draft) {
        for gpu in node.gpus {
            let isBad =
                gpu.trouble != nil || gpu.instances.contains { if case .quarantined = $0.use { true } else { false } }
            guard isBad else { continue }
            for number in holders.sorted() {
                guard let live = jobs[number], live.job.submission.onQuarantine == .end else { continue }
                for leaf in live.job.progress.leaves where leaf.gpu == gpu.index {
                    guard let why = fault(of: leaf, on: gpu) else { continue }
                    tell(number, .fault(why), &draft)
                    break
                }
            }
        }
    }

    private func fault(of leaf: PlacedLeaf, on gpu: NodeSnapshot.GPU) -> String? {
        if let trouble = gpu.trouble { return trouble }
        for instance in gpu.instances {
            guard case .quarantined(let why) = instance.use else { continue }
            let isIt = leaf.uuid.map { $0 == instance.leaf?.uuid } ?? (leaf.placement == instance.placement)
            if isIt {
                return "the leaf \(leaf.profile) at \(leaf.placement) of GPU \(gpu.index) is in quarantine: \(why)"
            }
        }
        return nil
    }

    /// Brings who has which leaf into the pool. What runs keeps what it has.
    mutating func applyNode() {
        guard !needsRebuild else { return }
        let starting = Set(
            holders.compactMap { jobs[$0]?.job.progress }.filter { $0.supervisor == nil }.flatMap {
                $0.leaves.map(\.gpu)
            })
        withheld = book.gpus.map { _ in 0 }
        for gpu in book.gpus.indices {
            let index = book.gpus[gpu].index
            guard let seen = node.gpus.first(where: { $0.index == index }) else {
                scheduler.pool.setBlocked(true, gpu: gpu)
                continue
            }
            // What is being cut just now is not believed.
            let isSettled = !starting.contains(index)
            look(at: seen, gpu: gpu, isSettled: isSettled)
            for pause in pauses.values {
                for leaf in pause.leaves where leaf.gpu == index {
                    if let unit = book.unit(of: leaf) { withheld[gpu] |= 1 << UInt64(unit.unit) }
                }
            }
            let isPaused = pauses.values.contains { $0.gpus.contains(index) }
            scheduler.pool.setBlocked(seen.trouble != nil || isPaused, gpu: gpu)
            syncHolds(gpu)
        }
        scheduler.poolHasChanged()
    }

    /// Notes what a GPU's instances are and which of them are not handed out.
    private mutating func look(at seen: NodeSnapshot.GPU, gpu: Int, isSettled: Bool) {
        var idle: UInt64 = 0
        var uuids: [MIGDeviceUUID?] = book.gpus[gpu].keys.map { _ in nil }
        var odd: [PlacedLeaf] = []
        var present: UInt64 = 0
        for instance in seen.instances {
            let placed = PlacedLeaf(
                gpu: seen.index, profile: instance.profile, profileID: instance.profileID,
                placement: instance.placement, uuid: instance.leaf?.uuid)
            let isFree = isIdle(instance, placed)
            guard let unit = unit(of: instance, placed, gpu) else {
                if isFree {
                    odd.append(placed)
                } else if let cover = book.cover(instance.placement, profile: nil, on: gpu) {
                    if configuration.mode == .hybrid { withheld[gpu] |= 1 << UInt64(cover) }
                }
                continue
            }
            uuids[unit] = instance.leaf?.uuid
            present |= 1 << UInt64(unit)
            if isFree { idle |= 1 << UInt64(unit) } else { withheld[gpu] |= 1 << UInt64(unit) }
        }
        if configuration.mode == .fixed {
            // Leaves that are gone, but for those that running jobs have.
            let all = book.gpus[gpu].keys.indices.reduce(UInt64(0)) { $0 | 1 << UInt64($1) }
            withheld[gpu] |= all & ~present
            for unit in uuids.indices where uuids[unit] != nil { book.gpus[gpu].uuids[unit] = uuids[unit] }
        } else if isSettled {
            book.gpus[gpu].uuids = uuids
            book.gpus[gpu].odd = odd
            scheduler.pool.setIdleInstances(idle, of: gpu)
        }
    }

    /// The unit that an instance is; nil for one that can't be handed out as it is.
    private func unit(of instance: NodeSnapshot.Instance, _ placed: PlacedLeaf, _ gpu: Int) -> Int? {
        guard let leaf = instance.leaf else { return nil }
        if configuration.mode == .hybrid {
            guard instance.isWhole, let profile = instance.profileID else { return nil }
            return book.gpus[gpu].unitOf[
                NodeBook.Key(profile: profile, placement: instance.placement, computeInstance: 0)]
        }
        if let profile = instance.profileID {
            let compute = instance.isWhole ? 0 : leaf.computeInstance.rawValue
            return book.gpus[gpu].unitOf[
                NodeBook.Key(profile: profile, placement: instance.placement, computeInstance: compute)]
        }
        return book.unit(of: placed).map { Int($0.unit) }
    }

    /// Whether an instance may be handed out, or is our own job's.
    private func isIdle(_ instance: NodeSnapshot.Instance, _ placed: PlacedLeaf) -> Bool {
        switch instance.use {
        case .idle: return true
        case .foreign, .quarantined, .notOurs: return false
        case .job(let id): return numbers[id] != nil || lastOver.contains(id)
        }
    }

    /// Withholds the units of a GPU that are not handed out, and lets others be. Who has one of them keeps it.
    mutating func syncHolds(_ gpu: Int) {
        guard gpu < withheld.count else { return }
        for isWanted in [false, true] {
            for unit in book.gpus[gpu].keys.indices {
                let its = LeafUnit(gpu: gpu, unit: unit)
                guard (withheld[gpu] & 1 << UInt64(unit) != 0) == isWanted,
                    scheduler.pool.isWithheld(its) != isWanted
                else { continue }
                if !scheduler.pool.setWithheld(isWanted, unit: its), isWanted, !overlapsOwn(its) {
                    scheduler.pool.setBlocked(true, gpu: gpu)
                }
            }
        }
    }

    /// Whether a unit can't be withheld because jobs of ours have its slices: it is when they end.
    private func overlapsOwn(_ unit: LeafUnit) -> Bool {
        let gpu = Int(unit.gpu)
        let place = book.gpus[gpu].keys[Int(unit.unit)].placement
        let busy = scheduler.pool.busyUnits(of: gpu)
        return book.gpus[gpu].keys.indices.contains { other in
            busy & 1 << UInt64(other) != 0 && book.gpus[gpu].keys[other].placement.overlaps(place)
        }
    }

    // MARK: Making the pool anew

    /// Makes pool and line anew: after another layout, for new classes of leaves, or for new tenants.
    mutating func rebuild(now: Double) {
        needsRebuild = false
        if nextNumber > 1 << 30 { renumber() }
        let old = scheduler
        let recent = demand.newestFirst.reversed().map { kinds[Int($0)].ask }
        let order = jobs.keys.sorted()
        var asks: [LeafAsk] = []
        var known: Set<LeafAsk> = []
        // In the order of the kinds' numbers, so that they stay what they are; those that nobody asks for any more go.
        let live = Set(jobs.values.map(\.ask))
        for ask in kinds.map(\.ask) + order.compactMap({ jobs[$0]?.ask })
        where live.contains(ask) || recent.contains(ask) {
            if known.insert(ask).inserted { asks.append(ask) }
        }
        let held = holders.sorted().flatMap { jobs[$0]?.job.progress.leaves ?? [] }
        book = NodeBook(
            node, mode: configuration.mode, held: held, asks: asks, expected: configuration.expectedAsks)
        let numa = Dictionary(node.gpus.compactMap { gpu in gpu.numaNode.map { (gpu.index, $0) } }) { first, _ in first
        }
        let usage = tenantUsage(old, now: now)
        scheduler = Scheduler(
            pool: book.makePool(numa: numa), rule: configuration.mode == .hybrid ? .earliestFinish : .firstThatFits,
            discipline: configuration.discipline, shares: makeShares(), overtakingLimit: configuration.overtakingLimit,
            recutSeconds: configuration.mode == .hybrid ? configuration.recutSeconds : 0)
        (kinds, kindOf, numberOfKind, groups) = ([], [:], [:], [:])
        board.isWhole = []
        board.units = book.shapes.map(\.units)
        board.fullMultiprocessors = book.fullMultiprocessors
        for ask in asks { _ = kindNumber(for: ask) }
        withheld = book.gpus.map { _ in 0 }
        var heldSlices = tenantNames.map { _ in 0 }
        for number in holders.sorted() { holdAgain(number, &heldSlices) }
        scheduler.resume(from: old, shares: scheduler.shares.resumed(usage: usage, held: heldSlices, now: now))
        applyNode()
        demand = Demand()
        for ask in recent { demand.note(Int32(kindNumber(for: ask))) }
        weights = book.shapes.map { _ in [] }
        if demand.total > 0 { demand.weigh(&scheduler, weights: &weights) }
        for number in order where jobs[number]?.hold == nil { enqueue(number, now: now) }
        needsRebuild = false
    }

    /// Lets a running job keep its leaves in a new pool.
    private mutating func holdAgain(_ number: Int32, _ heldSlices: inout [Int]) {
        guard var live = jobs[number], var hold = live.hold else { return }
        let kind = kindNumber(for: live.ask)
        let wasCut = hold.cuts.isEmpty ? [] : live.job.progress.leaves.filter { $0.uuid == nil }
        hold.units = live.job.progress.leaves.compactMap { book.unit(of: $0) }.filter { !scheduler.pool.isBusy($0) }
        hold.cuts = wasCut.compactMap { book.unit(of: $0) }
        var job = hold.start.job
        (job.id, job.kind, job.tenant) = (number, Int32(kind), Int32(tenant(live.job.tenant)))
        hold.start.job = job
        hold.start.linkLoad = 0
        hold.start.hold = .none
        if hold.start.facts.leaves == 0 { hold.start.facts.leaves = live.job.progress.leaves.count }
        if let again = scheduler.pool.hold(exactly: hold.units, until: hold.expectedEnd) {
            hold.start.hold = again
        } else {
            hold.units = []
        }
        if let at = tenantNumbers[live.job.tenant] { heldSlices[at] += live.ask.leaves }
        board.entries[number]?.kind = kind
        live.hold = hold
        jobs[number] = live
        if live.use == 0 || hold.expectedEnd.isFinite { expect(number, until: hold.expectedEnd) }
    }

    private func makeShares() -> TenantShares? {
        guard !tenantNames.isEmpty || configuration.isFair else { return nil }
        let entitlements = tenantNames.map { name in
            let tenant = configuration.tenants[name] ?? .init()
            return TenantShares.Entitlement(weight: tenant.weight, quota: tenant.quota)
        }
        return TenantShares(entitlements, isFair: configuration.isFair)
    }

    func tenantUsage(_ scheduler: Scheduler, now: Double) -> [Double] {
        let used = scheduler.shares.usage(now: now)
        return tenantNames.indices.map { $0 < used.count ? used[$0] : oldUsage[tenantNames[$0]] ?? 0 }
    }

    /// Small numbers again, in the same order.
    private mutating func renumber() {
        let order = jobs.keys.sorted()
        var (newJobs, newEntries): ([Int32: Live], [Int32: StartBoard.Entry]) = ([:], [:])
        timers = TimerHeap()
        for (number, old) in order.enumerated() {
            guard let live = jobs[old] else { continue }
            newJobs[Int32(number)] = live
            newEntries[Int32(number)] = board.entries[old]
            numbers[live.job.id] = Int32(number)
        }
        for number in pauses.keys { timers.push(.init(time: 0, kind: .pause, number: number, use: 0)) }
        (jobs, board.entries) = (newJobs, newEntries)
        holders = Set(newJobs.filter { $0.value.hold != nil }.keys)
        nextNumber = Int32(order.count)
    }
}
