import CollectiveTrials
import Collectives
import Testing

/// The free memory of an arena against a model: for each unit, which tensor has it.
struct FreeListTests {
    private struct Model {
        var owners: [Int?]
        init(bytes: Int) { owners = [Int?](repeating: nil, count: bytes / FreeList.unit) }

        func units(of range: Range<Int>) -> Range<Int> {
            range.lowerBound / FreeList.unit..<(range.upperBound + FreeList.unit - 1) / FreeList.unit
        }

        /// Whether a tensor would find a place.
        func hasRoom(for bytes: Int) -> Bool {
            let step = bytes >= FreeList.page ? FreeList.page / FreeList.unit : 1
            let length = (max(bytes, 1) + FreeList.unit * step - 1) / (FreeList.unit * step) * step
            return stride(from: 0, through: owners.count - length, by: step).contains { start in
                owners[start..<start + length].allSatisfy { $0 == nil }
            }
        }

        /// The free ranges, joined.
        var free: [Range<Int>] {
            var ranges: [Range<Int>] = []
            for (unit, owner) in owners.enumerated() where owner == nil {
                let range = unit * FreeList.unit..<(unit + 1) * FreeList.unit
                if let last = ranges.last, last.upperBound == range.lowerBound {
                    ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
                } else {
                    ranges.append(range)
                }
            }
            return ranges
        }
    }

    @Test(arguments: [4096, 65536, 1 << 20])
    func reservesAndReleasesLikeTheModel(bytes: Int) {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = Trial.Generator(state: seed)
        var (list, model) = (FreeList(bytes: bytes), Model(bytes: bytes))
        var live: [(number: Int, range: Range<Int>)] = []
        for number in 0..<2000 {
            // First mostly filling up, then mostly emptying, and so on.
            if Int.random(in: 0..<10, using: &generator) < (number / 200 % 2 == 0 ? 7 : 3) {
                let wanted = Int.random(in: 0...1 << Int.random(in: 0...15, using: &generator), using: &generator)
                let hasRoom = model.hasRoom(for: wanted)
                guard let range = list.reserve(wanted) else {
                    #expect(!hasRoom, "seed \(seed): \(wanted) bytes were refused")
                    continue
                }
                #expect(hasRoom && range.count >= max(wanted, 1) && range.upperBound <= bytes, "seed \(seed)")
                let unit = wanted >= FreeList.page ? FreeList.page : FreeList.unit
                #expect(range.lowerBound % unit == 0 && range.count % unit == 0, "seed \(seed): \(range)")
                for unit in model.units(of: range) {
                    #expect(model.owners[unit] == nil, "seed \(seed): \(range) overlaps")
                    model.owners[unit] = number
                }
                live.append((number, range))
            } else if let index = live.indices.randomElement(using: &generator) {
                let (_, range) = live.remove(at: index)
                list.release(range)
                for unit in model.units(of: range) { model.owners[unit] = nil }
            }
            #expect(list.free == model.free, "seed \(seed)")
        }
        for (_, range) in live.shuffled(using: &generator) { list.release(range) }
        #expect(list == FreeList(bytes: bytes), "seed \(seed)")
    }

    @Test func nothingHasNoRoom() {
        var list = FreeList(bytes: 0)
        #expect(list.reserve(0) == nil)
        #expect(list.free.isEmpty)
    }

    @Test func aWholeListIsOneTensor() {
        var list = FreeList(bytes: 8192)
        #expect(list.reserve(8193) == nil)
        #expect(list.reserve(8192) == 0..<8192)
        #expect(list.free.isEmpty)
        #expect(list.reserve(1) == nil)
        list.release(0..<8192)
        #expect(list.free == [0..<8192])
    }

    /// A page begins behind a small tensor, and the gap stays free.
    @Test func pagesAreAligned() {
        var list = FreeList(bytes: 16384)
        #expect(list.reserve(1) == 0..<128)
        #expect(list.reserve(4097) == 4096..<12288)
        #expect(list.free == [128..<4096, 12288..<16384])
        #expect(list.reserve(100) == 128..<256)
    }
}
