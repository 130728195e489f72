import LeafScheduling
import MIGModel
import TestSupport
import Testing

/// The indexes against scans of everything, over random histories.
struct LeafPoolPropertyTests {
    /// Everything that can be asked of a pool, found by scanning its GPUs.
    struct Scan {
        let pool: LeafPool

        func count(_ leafClass: Int, _ gpu: Int) -> Int {
            guard !pool.isBlocked(gpu) else { return 0 }
            let shape = pool.shapes[Int(pool.shapeOf[gpu])]
            let free = shape.units.indices.filter { !pool.isBusy(LeafUnit(gpu: gpu, unit: $0)) }
            guard let table = shape.table else {
                return free.filter { shape.unitsOfClass[leafClass] & 1 << UInt64($0) != 0 }.count
            }
            let busy = shape.units.indices.filter { pool.isBusy(LeafUnit(gpu: gpu, unit: $0)) }
            let layout = Layout(busy.map { table.specs[$0] })
            guard let unit = shape.units.indices.first(where: { shape.unitsOfClass[leafClass] & 1 << UInt64($0) != 0 })
            else { return 0 }
            return table.geometry.remainingCapacity(for: table.specs[unit].profile, in: layout)
        }

        func gpus(_ node: Int) -> Range<Int> { pool.gpus(of: node) }

        func count(_ leafClass: Int, node: Int) -> Int { gpus(node).reduce(0) { $0 + count(leafClass, $1) } }

        /// How many leaves a pack takes from each GPU: the rule in words, with scans.
        func pack(_ option: GangOption) -> [Int: Int]? {
            var left = (0..<pool.gpuCount).map { count(option.leafClass, $0) }
            var taken: [Int: Int] = [:]
            func pick(_ gpu: Int, _ number: Int) {
                taken[gpu, default: 0] += number
                left[gpu] -= number
            }
            func fill(_ node: Int, _ number: Int) {
                var missing = number
                while missing > 0 {
                    let whole = gpus(node).filter { left[$0] >= missing }.min { (left[$0], $0) < (left[$1], $1) }
                    let gpu = whole ?? gpus(node).max { (left[$0], $1) < (left[$1], $0) } ?? 0
                    let now = min(missing, left[gpu])
                    pick(gpu, now)
                    missing -= now
                }
            }
            if let gpu = left.indices.filter({ left[$0] >= option.count }).min(by: { (left[$0], $0) < (left[$1], $1) })
            {
                pick(gpu, option.count)
                return taken
            }
            var missing = option.count
            for _ in 0..<min(option.maximumNodes, pool.nodeCount) {
                let rooms = (0..<pool.nodeCount).map { node in gpus(node).reduce(0) { $0 + left[$1] } }
                let whole = rooms.indices.filter { rooms[$0] >= missing }.min { (rooms[$0], $0) < (rooms[$1], $1) }
                guard let node = whole ?? rooms.indices.max(by: { (rooms[$0], $1) < (rooms[$1], $0) }) else {
                    return nil
                }
                let now = min(missing, rooms[node])
                fill(node, now)
                missing -= now
                if missing == 0 { return taken }
            }
            return nil
        }

        /// When the gang could start: frees what runs in the order of its ends and looks again each time.
        func earliest(_ option: GangOption) -> Double {
            var later = pool
            let ends = pool.busyUnits().sorted { $0.end < $1.end }
            func fits() -> Bool {
                let scan = Scan(pool: later)
                let rooms = (0..<later.nodeCount).map { scan.count(option.leafClass, node: $0) }
                return rooms.sorted(by: >).prefix(option.maximumNodes).reduce(0, +) >= option.count
            }
            if fits() { return 0 }
            for (place, end) in ends.enumerated() {
                later.giveBack(Int(end.unit.unit), on: Int(end.unit.gpu))
                if place + 1 < ends.count, ends[place + 1].end == end.end { continue }
                if fits() { return end.end }
            }
            return .infinity
        }
    }

    static func randomPool(_ random: inout SplitMix) -> LeafPool {
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            return Pools.nodes(
                (0..<Int.random(in: 1...4, using: &random)).map { _ in
                    (0..<Int.random(in: 1...3, using: &random)).map { _ in Int.random(in: 1...7, using: &random) }
                })
        case 1: return Pools.layout([[4, 2, 1], [3, 3], [2, 2, 2, 1]].randomElement(using: &random) ?? [7], gpus: 3)
        default: return Pools.cut(Int.random(in: 1...5, using: &random), perNode: 2)
        }
    }

    @Test(arguments: [1, 2, 3, 4])
    func indexesAgreeWithScans(seed: UInt64) {
        var random = SplitMix(seed: seed)
        for round in 0..<60 {
            var pool = Self.randomPool(&random)
            var held: [(hold: GangHold, units: [LeafUnit], load: Int)] = []
            var owner: Set<LeafUnit> = []
            for step in 0..<40 {
                let message: Comment = "seed \(random.seed), round \(round), step \(step)"
                let option = GangOption(
                    Int.random(in: 0..<pool.classCount, using: &random), count: Int.random(in: 1...9, using: &random),
                    maximumNodes: Int.random(in: 1...3, using: &random))
                switch Int.random(in: 0..<6, using: &random) {
                case 0 where !held.isEmpty:
                    let gone = held.remove(at: Int.random(in: 0..<held.count, using: &random))
                    var units: [LeafUnit] = []
                    pool.release(gone.hold, linkLoad: gone.load, units: &units)
                    #expect(Set(units) == Set(gone.units), message)
                    owner.subtract(units)
                case 1:
                    let gpu = Int.random(in: 0..<pool.gpuCount, using: &random)
                    pool.setBlocked(!pool.isBlocked(gpu), gpu: gpu)
                default:
                    let before = Scan(pool: pool)
                    let expected = before.pack(option)
                    var units: [LeafUnit] = []
                    let canTake = pool.canTake(option)
                    let facts = pool.take(option, into: &units)
                    let byGPU = Dictionary(grouping: units) { Int($0.gpu) }.mapValues(\.count)
                    #expect((facts != nil) == (expected != nil), message)
                    #expect(canTake == (facts != nil), message)
                    guard facts != nil else { break }
                    // One instance of a GPU that is cut goes where the score says, not to the fullest GPU.
                    if option.count > 1 || pool.shapes[0].table == nil { #expect(byGPU == expected, message) }
                    #expect(Set(units).count == option.count && owner.isDisjoint(with: units), "no leaf twice")
                    if Bool.random(using: &random) {
                        pool.putBack(&units)
                    } else {
                        let load = Int.random(in: 0...300_000, using: &random)
                        let hold = pool.hold(
                            units, until: Double(Int.random(in: 1...50, using: &random)), linkLoad: load)
                        owner.formUnion(units)
                        held.append((hold, units, load))
                    }
                }
                let scan = Scan(pool: pool)
                for leafClass in 0..<pool.classCount {
                    #expect(
                        (0..<pool.gpuCount).allSatisfy {
                            pool.capacity(of: leafClass, on: $0) == scan.count(leafClass, $0)
                        },
                        message)
                    #expect(
                        pool.total(of: leafClass) == (0..<pool.gpuCount).reduce(0) { $0 + scan.count(leafClass, $1) },
                        message)
                }
                if !(0..<pool.gpuCount).contains(where: { pool.isBlocked($0) }) {
                    #expect(pool.earliestStart(option) == scan.earliest(option), message)
                }
            }
            // Everything back: as new.
            for gone in held {
                var units: [LeafUnit] = []
                pool.release(gone.hold, linkLoad: gone.load, units: &units)
            }
            for gpu in 0..<pool.gpuCount { pool.setBlocked(false, gpu: gpu) }
            #expect((0..<pool.gpuCount).allSatisfy { pool.isIdle($0) && pool.linkLoad[$0] == 0 })
            for leafClass in 0..<pool.classCount {
                #expect(pool.total(of: leafClass) == pool.whenIdle(leafClass).total)
            }
        }
    }

    /// Every state of a GPU that is cut, against the geometry's own answers.
    @Test(arguments: [GPUModel.a100With40GB, .a30])
    func tablesAgreeWithTheGeometry(model: GPUModel) {
        let table = CutTable(model.geometry)
        #expect(table.stateCount == model.geometry.placedLayouts(using: table.profiles.map(\.id)).count + 1)
        for state in 0..<table.stateCount {
            let units = table.specs.indices.filter { table.busy[state] & 1 << UInt64($0) != 0 }
            let layout = Layout(units.map { table.specs[$0] })
            for (number, profile) in table.profiles.enumerated() {
                let open = model.geometry.openPlacements(for: profile.id, in: layout)
                #expect(table.openings(of: number, in: state) == open.count)
                #expect(
                    table.capacity(of: number, in: state)
                        == model.geometry.remainingCapacity(for: profile.id, in: layout))
                for unit in table.specs.indices where table.profileOfSpec[unit] == number {
                    let next = table.state(state, adding: unit)
                    #expect((next != nil) == open.contains(table.specs[unit].placement))
                    if let next { #expect(table.state(next, removing: unit) == state) }
                }
            }
        }
    }

    /// The table against the search for re-cuts, on every GPU model: from every state, just as many instances of a profile can
    /// be had at once as there is a way to, whatever idle instances lie in between.
    @Test(arguments: GPUModel.all)
    func tablesAgreeWithRecuts(model: GPUModel) throws {
        var random = SplitMix(seed: 41)
        let table = CutTable(model.geometry)
        var ways = 0
        for state in 0..<table.stateCount {
            let busy = table.specs.indices.filter { table.busy[state] & 1 << UInt64($0) != 0 }
            var instances = busy.map { RecutState.Instance(table.specs[$0], .busy) }
            // Idle instances that make a layout together with the busy ones.
            var layout = state
            for unit in table.specs.indices.shuffled(using: &random) where Bool.random(using: &random) {
                guard let next = table.state(layout, adding: unit) else { continue }
                layout = next
                instances.append(RecutState.Instance(table.specs[unit], .idle))
            }
            let here = RecutState(geometry: model.geometry, instances: instances)
            for (number, profile) in table.profiles.enumerated() {
                let capacity = table.capacity(of: number, in: state)
                let message: Comment = "\(model.name), state \(state), \(profile.id)"
                if capacity > 0 {
                    let wanted = Array(repeating: profile.id, count: capacity)
                    let way = try #require(try? here.recut(toFree: wanted).get(), message)
                    #expect(way.free.count == capacity && way.free.allSatisfy { $0.profile == profile.id }, message)
                    let units = way.free.map { spec in table.specs.firstIndex(of: spec) }
                    // And the table can go where the way leads.
                    var at: Int? = state
                    for unit in units { at = at.flatMap { from in unit.flatMap { table.state(from, adding: $0) } } }
                    #expect(at != nil, message)
                    ways += 1
                }
                let more = here.recut(toFree: Array(repeating: profile.id, count: capacity + 1))
                #expect((try? more.get()) == nil, message)
            }
        }
        #expect(ways > 0)
    }

    /// Sets of numbers, against sets of numbers.
    @Test(arguments: [1, 64, 65, 5000, 300_000])
    func forestsAreSets(bound: Int) {
        var random = SplitMix(seed: UInt64(bound))
        var forest = BitForest(sets: 3, bound: bound)
        var sets = [Set<Int>](repeating: [], count: 3)
        for _ in 0..<3000 {
            let set = Int.random(in: 0..<3, using: &random)
            let member = Int.random(in: 0..<bound, using: &random)
            if Bool.random(using: &random) {
                forest.insert(member, into: set)
                sets[set].insert(member)
            } else if sets[set].remove(member) != nil {
                forest.remove(member, from: set)
            }
            #expect(forest.contains(member, in: set) == sets[set].contains(member))
            #expect(forest.isEmpty(set) == sets[set].isEmpty)
            if Int.random(in: 0..<50, using: &random) == 0 {
                #expect(forest.first(from: member, in: set) == sets[set].filter { $0 >= member }.min())
                #expect(forest.last(in: set) == sets[set].max())
            }
        }
    }
}
