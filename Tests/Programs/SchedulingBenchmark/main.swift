import HotPath
import LeafScheduling
import MIGModel
import Platform

// What one placement decision costs: `scheduling-benchmark [LEAVES...]`, one line per size and kind of GPU.
//
// A cluster of that many leaves (nodes of 8 GPUs) is filled to nine tenths with gangs of 1, 2, 3, 4 and 7 leaves that
// come and go at random. Then 20,000 times a gang ends and another is placed; only the placing is measured.

struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// What 20,000 decisions took.
struct Cost {
    var nanoseconds: [UInt64] = []
    var steps: [Int] = []
    var allocations = 0
    var placed = 0
}

/// The pool, and what its classes mean.
func makePool(leaves: Int, isCut: Bool) -> LeafPool {
    let geometry = GPUModel.a100With40GB.geometry
    let sizes = isCut ? [1, 2, 3, 4, 7] : [1]
    let classes = sizes.map { size in { (unit: GPUShape.Unit) in unit.computeSlices == size } }
    let layout = (try? LayoutName.thin.layout(on: geometry).get()) ?? Layout([])
    let shape =
        isCut
        ? GPUShape(recut: CutTable(geometry, using: [19, 14, 9, 5, 0]), classes: classes)
        : GPUShape(layout: layout, of: geometry, classes: classes)
    let gpus = max(leaves / 7, 1)
    let nodes = stride(from: 0, to: gpus, by: 8).map { Array(repeating: 0, count: min(8, gpus - $0)) }
    return LeafPool(shapes: [shape], nodes: nodes)
}

func measure(leaves: Int, isCut: Bool, decisions: Int) -> Cost {
    var pool = makePool(leaves: leaves, isCut: isCut)
    var random = Random(state: UInt64(leaves))
    var running: [GangHold] = []
    var units: [LeafUnit] = []
    units.reserveCapacity(64)
    running.reserveCapacity(leaves + 1)
    func option() -> GangOption {
        let size = [1, 2, 3, 4, 7].randomElement(using: &random) ?? 1
        // Cut GPUs give half of the jobs one instance of their size, the other half 1g leaves.
        guard isCut else { return GangOption(0, count: size) }
        let place = [1: 0, 2: 1, 3: 2, 4: 3, 7: 4][size] ?? 0
        return Bool.random(using: &random) ? GangOption(place, count: 1) : GangOption(0, count: size)
    }
    let options = (0..<4096).map { _ in option() }
    func end() {
        let at = Int.random(in: 0..<running.count, using: &random)
        units.removeAll(keepingCapacity: true)
        pool.release(running[at], units: &units)
        running[at] = running[running.count - 1]
        running.removeLast()
    }
    var cost = Cost()
    cost.nanoseconds.reserveCapacity(decisions)
    cost.steps.reserveCapacity(decisions)
    let clock = ContinuousClock()
    let total = pool.gpuCount * 7
    for number in 0..<(leaves + decisions) {
        while pool.freeTotal < total / 10, !running.isEmpty { end() }
        let isMeasured = number >= leaves
        let option = options[number % options.count]
        units.removeAll(keepingCapacity: true)
        let steps = pool.steps
        let allocations = hotpath_allocations()
        let begin = clock.now
        let facts = pool.take(option, into: &units)
        if facts != nil { running.append(pool.hold(units, until: Double(number))) }
        let taken = clock.now - begin
        if isMeasured {
            cost.allocations += hotpath_allocations() - allocations
            cost.steps.append(pool.steps - steps)
            cost.nanoseconds.append(UInt64(taken.components.attoseconds / 1_000_000_000))
            if facts != nil { cost.placed += 1 }
        }
        if facts == nil { end() }
    }
    cost.nanoseconds.sort()
    cost.steps.sort()
    return cost
}

let sizes = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let decisions = 20_000
print("leaves gpus placed median_ns p99_ns steps_median steps_p99 steps_most allocations")
for leaves in sizes.isEmpty ? [1_000, 10_000, 100_000, 1_000_000] : sizes {
    for isCut in [false, true] {
        let cost = measure(leaves: leaves, isCut: isCut, decisions: decisions)
        print(
            leaves, isCut ? "cut" : "fixed", cost.placed, cost.nanoseconds[decisions / 2],
            cost.nanoseconds[decisions * 99 / 100], cost.steps[decisions / 2], cost.steps[decisions * 99 / 100],
            cost.steps[decisions - 1], cost.allocations)
    }
}
