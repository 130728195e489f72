import LeafScheduling

/// Which running jobs are moved elsewhere, so that the first in line who finds no instance gets one.
///
/// Looks at the GPUs with the most free slices and moves their smallest jobs until there is room; the GPU with the fewest
/// moves wins. Only for jobs of one instance, only where the moves cost less than waiting is expected to, and only to
/// GPUs of the same kind. Jobs of several GPUs stay where they are.
struct MigrationPlanner {
    struct Move {
        var slot: Int32
        var hold: GangHold
        var facts: GangFacts
        var units: [LeafUnit]
    }

    let restartSeconds: Double
    let recutSeconds: Double
    private let mostGPUs = 8
    private let lookAhead = 32
    /// For whom, and after how many ends, it was tried last: nothing was given back since.
    private var last: (job: Int32, ends: Int) = (-1, -1)

    init(restartSeconds: Double, recutSeconds: Double) {
        self.restartSeconds = restartSeconds
        self.recutSeconds = recutSeconds
    }

    /// Moves jobs for those in line, in its order, until one of them finds no room even so.
    ///
    /// - Complexity: O(running jobs), and for each job in line that is blocked up to eight copies of the pool.
    mutating func plan(_ scheduler: inout Scheduler, _ running: inout RunningJobs, ends: Int) {
        let line = scheduler.firstWaiting(lookAhead)
        guard let first = line.first, last != (first.id, ends) else { return }
        last = (first.id, ends)
        // Those before it who can start now will: what they get is not to be had.
        var pool = scheduler.pool
        var claimed: [LeafUnit] = []
        var hasMoved = false
        for job in line {
            let options = scheduler.kinds[Int(job.kind)].options
            if options.contains(where: { pool.claim($0, into: &claimed) }) { continue }
            guard let option = options.first, option.count == 1,
                let (better, moves) = vacate(for: option, pool, scheduler, running)
            else { break }
            let wait = options.map { pool.earliestStart($0) }.min() ?? .infinity
            guard wait - running.now > Double(moves.count) * restartSeconds else { break }
            pool = better
            for move in moves { running.move(move, restartSeconds: restartSeconds) }
            hasMoved = true
            guard pool.claim(option, into: &claimed) else { break }
        }
        guard hasMoved else { return }
        pool.endClaim(&claimed)
        scheduler.pool = pool
        scheduler.poolHasChanged()
    }

    /// The pool with room for one more instance, and the fewest moves that make it.
    private func vacate(for option: GangOption, _ pool: LeafPool, _ scheduler: Scheduler, _ running: RunningJobs)
        -> (LeafPool, [Move])?
    {
        // Moves make no slices: where fewer are free than it takes, nobody has to be asked.
        let needed = pool.shapes.flatMap { shape -> [Int] in
            guard shape.leaves(of: option.leafClass) > 0 else { return [] }
            let mask = shape.unitsOfClass[option.leafClass]
            return shape.units.indices.filter { mask & 1 << UInt64($0) != 0 }.map { shape.units[$0].computeSlices }
        }.min()
        guard let needed, pool.freeTotal >= needed else { return nil }
        var jobsOn: [Int32: [Int32]] = [:]
        for (slot, its) in running.slots.enumerated() where its.end > running.now && its.start.facts.leaves == 1 {
            var units: [LeafUnit] = []
            pool.append(its.start.hold, to: &units)
            for unit in units { jobsOn[unit.gpu, default: []].append(Int32(slot)) }
        }
        let candidates = jobsOn.keys.filter { gpu in
            !pool.isBlocked(Int(gpu)) && pool.shapes[Int(pool.shapeOf[Int(gpu)])].leaves(of: option.leafClass) > 0
        }.sorted { (-pool.freeSlices(of: Int($0)), $0) < (-pool.freeSlices(of: Int($1)), $1) }
        var best: (LeafPool, [Move])?
        for gpu in candidates.prefix(mostGPUs) {
            let slots = (jobsOn[gpu] ?? []).sorted {
                (running.slots[Int($0)].heldSlices, $0) < (running.slots[Int($1)].heldSlices, $1)
            }
            let most = best.map { $0.1.count - 1 } ?? slots.count
            if let found = empty(Int(gpu), of: slots, atMost: most, for: option, pool, scheduler, running) {
                best = found
                if found.1.count == 1 { break }
            }
        }
        return best
    }

    /// Moves jobs off one GPU, the first of them first, until it has room.
    private func empty(
        _ gpu: Int, of slots: [Int32], atMost most: Int, for option: GangOption, _ pool: LeafPool,
        _ scheduler: Scheduler, _ running: RunningJobs
    ) -> (LeafPool, [Move])? {
        var pool = pool
        var moves: [Move] = []
        for slot in slots where moves.count < most {
            let its = running.slots[Int(slot)]
            var units: [LeafUnit] = []
            pool.setBlocked(true, gpu: gpu)
            defer { pool.setBlocked(false, gpu: gpu) }
            let own = scheduler.kinds[Int(its.start.job.kind)].options[its.start.option]
            guard let facts = pool.take(own, into: &units) else { continue }
            guard units.allSatisfy({ pool.shapeOf[Int($0.gpu)] == pool.shapeOf[gpu] }) else {
                pool.putBack(&units)
                continue
            }
            let delay = restartSeconds + (facts.recuts ? recutSeconds : 0)
            var old: [LeafUnit] = []
            pool.release(its.start.hold, linkLoad: its.start.linkLoad, units: &old)
            let hold = pool.hold(units, until: max(its.expectedEnd, running.now) + delay)
            moves.append(Move(slot: slot, hold: hold, facts: facts, units: units))
            pool.setBlocked(false, gpu: gpu)
            if pool.capacity(of: option.leafClass, on: gpu) > 0 { return (pool, moves) }
        }
        return nil
    }
}
