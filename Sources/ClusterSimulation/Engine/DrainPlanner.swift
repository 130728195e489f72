import LeafScheduling

/// Which GPUs are drained for whom, and which layout they get.
///
/// Looks at the first jobs in line. One that finds no instance, and would get one sooner by a drain than by waiting, has
/// a GPU drained for it: the one that is expected to be idle first. At most a tenth of the GPUs is drained at a time.
struct DrainPlanner {
    struct Drained {
        var gpu: Int
        var shape: Int
        /// By class: how many jobs in line its new leaves could still serve.
        var spare: [Int]
        var isUnderWay = false
        /// The job of several GPUs that it is for: its GPUs take jobs again together.
        var gang: Int32?
        var isReady = false
    }

    let seconds: Double
    /// By GPU: the part's shapes that it can get.
    let shapesOf: [[Int]]
    let most: Int
    /// Shapes x classes: leaves of an idle GPU.
    private let leaves: [[Int]]
    private(set) var drained: [Drained] = []
    /// Layouts changed since a job last ran: more than two for each GPU lead nowhere.
    private(set) var inVain = 0

    init(pool: LeafPool, shapesOf: [[Int]], seconds: Double) {
        self.shapesOf = shapesOf
        self.seconds = seconds
        most = max(1, pool.gpuCount / 10)
        leaves = pool.shapes.map { shape in (0..<pool.classCount).map { shape.leaves(of: $0) } }
    }

    var count: Int { drained.count }

    /// Chooses GPUs to drain for the jobs in line. They are blocked in the pool.
    mutating func plan(_ scheduler: inout Scheduler, now: Double, isRunning: Bool, lookAhead: Int = 32) {
        if isRunning { inVain = 0 }
        guard drained.count < most, inVain <= 2 * scheduler.pool.gpuCount else { return }
        let line = scheduler.firstWaiting(max(lookAhead, 64))
        // What is free now belongs to those in line who can have it: it is claimed for as long as this looks on, so that
        // no GPU is drained for one job from under another.
        var claimed: [LeafUnit] = []
        defer { scheduler.pool.endClaim(&claimed) }
        // What the drained GPUs will bring is given to the line in order.
        var spare = drained.map { $0.spare }
        for (place, job) in line.prefix(lookAhead).enumerated() {
            let options = scheduler.kinds[Int(job.kind)].options
            guard let wish = options.first else { continue }
            if options.contains(where: { scheduler.pool.claim($0, into: &claimed) }) { continue }
            if wish.count > 1 {
                planGang(wish, of: job.id, &scheduler, now: now)
                spare += drained[spare.count...].map { _ in Array(repeating: 0, count: leaves.first?.count ?? 0) }
                if drained.count >= most { return }
                continue
            }
            if let serves = spare.indices.first(where: { drained in
                options.contains { spare[drained][$0.leafClass] > 0 }
            }) {
                if let option = options.first(where: { spare[serves][$0.leafClass] > 0 }) {
                    spare[serves][option.leafClass] -= 1
                }
                continue
            }
            let wait = options.map { scheduler.pool.earliestStart($0) }.min() ?? .infinity
            guard let gpu = firstIdle(for: options, &scheduler.pool), max(now, gpu.time) + seconds < wait else {
                continue
            }
            let shape = bestShape(of: gpu.gpu, for: line[place...], scheduler.kinds)
            guard let shape, shape != Int(scheduler.pool.shapeOf[gpu.gpu]) else { continue }
            scheduler.pool.setBlocked(true, gpu: gpu.gpu)
            drained.append(Drained(gpu: gpu.gpu, shape: shape, spare: leaves[shape]))
            spare.append(leaves[shape])
            for option in options.prefix(1) { spare[spare.count - 1][option.leafClass] -= 1 }
            if drained.count >= most { return }
        }
    }

    /// The GPU that is expected to be idle first, of those that can be cut for one of the options.
    ///
    /// - Complexity: as `earliestIdle` where all GPUs are of one model; O(GPUs) where the first is of the wrong one.
    private func firstIdle(for options: [GangOption], _ pool: inout LeafPool) -> (gpu: Int, time: Double)? {
        func serves(_ gpu: Int) -> Bool {
            shapesOf[gpu].contains { shape in options.contains { leaves[shape][$0.leafClass] > 0 } }
        }
        guard let first = pool.earliestIdle() else { return nil }
        if serves(first.gpu) { return first }
        var best: (gpu: Int, time: Double)?
        for gpu in 0..<pool.gpuCount where !pool.isBlocked(gpu) && serves(gpu) {
            let time = pool.idleTime(of: gpu)
            if time < best?.time ?? .infinity { best = (gpu, time) }
        }
        return best
    }

    /// Drains GPUs for a job of several: those of one node, or of all, that are expected to be idle first.
    ///
    /// A GPU that already has the layout is only kept free.
    private mutating func planGang(_ wish: GangOption, of job: Int32, _ scheduler: inout Scheduler, now: Double) {
        guard !drained.contains(where: { $0.gang == job }), drained.isEmpty || drained.count + wish.count <= most else {
            return
        }
        let pool = scheduler.pool
        let places = wish.maximumNodes > 1 ? [0..<pool.gpuCount] : (0..<pool.nodeCount).map { pool.gpus(of: $0) }
        var best: (gpus: [(gpu: Int, shape: Int)], ready: Double)?
        for place in places {
            var candidates: [(ready: Double, gpu: Int, shape: Int)] = []
            for gpu in place where !pool.isBlocked(gpu) {
                let own = Int(pool.shapeOf[gpu])
                let has = leaves[own][wish.leafClass] == 1
                guard let shape = has ? own : shapesOf[gpu].first(where: { leaves[$0][wish.leafClass] == 1 }) else {
                    continue
                }
                candidates.append((max(now, pool.idleTime(of: gpu)) + (has ? 0 : seconds), gpu, shape))
            }
            guard candidates.count >= wish.count else { continue }
            candidates.sort { ($0.ready, $0.gpu) < ($1.ready, $1.gpu) }
            let chosen = candidates.prefix(wish.count)
            let ready = chosen.last?.ready ?? now
            if best.map({ ready < $0.ready }) ?? true { best = (chosen.map { ($0.gpu, $0.shape) }, ready) }
        }
        guard let best, best.ready < scheduler.pool.earliestStart(wish) else { return }
        for (gpu, shape) in best.gpus {
            scheduler.pool.setBlocked(true, gpu: gpu)
            let none = Array(repeating: 0, count: leaves[shape].count)
            drained.append(Drained(gpu: gpu, shape: shape, spare: none, gang: job))
        }
    }

    /// The layout whose instances serve the most compute slices of the line, given out in its order; the first job must
    /// be among them.
    private func bestShape(of gpu: Int, for line: ArraySlice<QueuedJob>, _ kinds: [JobKind]) -> Int? {
        guard let first = line.first else { return nil }
        var best: (shape: Int, served: Int)?
        for shape in shapesOf[gpu] {
            guard kinds[Int(first.kind)].options.contains(where: { leaves[shape][$0.leafClass] > 0 }) else { continue }
            var left = leaves[shape]
            var served = 0
            for job in line {
                let kind = kinds[Int(job.kind)]
                guard let option = kind.options.first, option.count == 1, left[option.leafClass] > 0 else { continue }
                // Classes overlap only where memory differs; the leaves of one size are counted for each.
                left[option.leafClass] -= 1
                served += kind.slices
            }
            if best.map({ served > $0.served }) ?? true { best = (shape, served) }
        }
        return best?.shape
    }

    /// GPUs that have become idle and begin to be cut anew now.
    ///
    /// Those that have their layout already are ready at once.
    mutating func begin(_ pool: inout LeafPool) -> [Int] {
        var begun: [Int] = []
        for at in drained.indices where !drained[at].isUnderWay && pool.isIdle(drained[at].gpu) {
            drained[at].isUnderWay = true
            if drained[at].shape == Int(pool.shapeOf[drained[at].gpu]) {
                drained[at].isReady = true
            } else {
                begun.append(drained[at].gpu)
            }
        }
        release(&pool)
        return begun
    }

    /// A GPU has its new layout.
    mutating func finish(_ gpu: Int, _ pool: inout LeafPool) -> (created: Int, destroyed: Int) {
        guard let at = drained.firstIndex(where: { $0.gpu == gpu }) else { return (0, 0) }
        let destroyed = pool.shapes[Int(pool.shapeOf[gpu])].units.count
        pool.setShape(drained[at].shape, gpu: gpu)
        drained[at].isReady = true
        inVain += 1
        release(&pool)
        return (pool.shapes[Int(pool.shapeOf[gpu])].units.count, destroyed)
    }

    /// Lets GPUs take jobs again that are ready, those of a gang together.
    private mutating func release(_ pool: inout LeafPool) {
        let waiting = Set(drained.filter { !$0.isReady }.compactMap(\.gang))
        for done in drained where done.isReady && !(done.gang.map { waiting.contains($0) } ?? false) {
            pool.setBlocked(false, gpu: done.gpu)
        }
        drained.removeAll { $0.isReady && !($0.gang.map { waiting.contains($0) } ?? false) }
    }
}
