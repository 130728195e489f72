import Collectives
import Testing

/// Where slots lie: what keeps two ranks, and two steps in a row, out of each other's memory.
struct RegionLayoutTests {
    private static let sizes = [1, 40, 4096, 8191, 8192, 8320, 32768, 100_000, 1 << 20, 3 << 20, 64 << 20]

    private static func layouts() -> [RegionLayout] {
        [1, 2, 3, 4, 8, 31].flatMap { ranks in
            [RegionLayout.leastStageBytes(worldSize: ranks), RegionLayout.defaultStageBytes(worldSize: ranks)].map {
                RegionLayout(worldSize: ranks, stageBytes: $0)
            }
        }
    }

    /// Of any size that fits, in any step: the proof of docs/design/collectives.md asks for nothing else.
    @Test func everySlotLiesInTheAreaOfItsRankAndParity() {
        for layout in Self.layouts() {
            var areas: [Range<Int>] = []
            for rank in 0..<layout.worldSize {
                for parity in UInt64(0)...1 {
                    let start = layout.slot(of: rank, step: parity, slotBytes: 0)
                    let area = start..<start + layout.areaBytes
                    #expect(areas.allSatisfy { !$0.overlaps(area) })
                    areas.append(area)
                    for bytes in Self.sizes where bytes <= layout.areaBytes {
                        let slotBytes = (bytes + 127) / 128 * 128
                        for step in stride(from: parity, to: parity + 100, by: 2) {
                            let slot = layout.slot(of: rank, step: step, slotBytes: slotBytes)
                            guard area.contains(slot), slot + slotBytes <= area.upperBound, slot % 128 == 0 else {
                                Issue.record("step \(step) of rank \(rank) of \(layout) leaves its area")
                                return
                            }
                        }
                    }
                }
            }
            #expect(areas.allSatisfy { $0.upperBound <= layout.totalBytes })
            // What a rank shows in one step fits, and so do its results beside it.
            #expect(layout.areaBytes >= layout.stageBytes)
        }
    }

    @Test func largeSlotsGoThroughTheWholeAreaAndSmallOnesStay() {
        let layout = RegionLayout(worldSize: 2, stageBytes: RegionLayout.defaultStageBytes(worldSize: 2))
        func places(of bytes: Int, steps: Int) -> Set<Int> {
            Set((0..<UInt64(steps)).map { layout.slot(of: 1, step: 2 * $0, slotBytes: bytes) })
        }
        #expect(places(of: RegionLayout.leastTurningBytes - 128, steps: 1000).count == 1)
        for bytes in [8192, 32768, 262144] {
            #expect(places(of: bytes, steps: 1000).count == layout.areaBytes / bytes)
        }
        // No step's slot is that of the step before the last.
        #expect(places(of: 524288, steps: 3).count == 3)
        #expect(places(of: layout.areaBytes, steps: 1000).count == 1)
    }

    /// Those in a row are apart, and none meets another rank's.
    @Test func messagePartsInARowAreApart() {
        for layout in Self.layouts() {
            for bytes in [1, 4096, 8192, 10_000, 32768, 65536] where bytes <= layout.stageBytes {
                let slots = layout.messageSlots
                for first in [UInt64(0), 23, 24, 1000, 4_000_000_000] {
                    let parts = (first..<first + UInt64(slots)).flatMap { part in
                        [0, layout.worldSize - 1].map { layout.messageSlot(of: $0, part: part, bytes: bytes) }
                    }
                    let starts = Set(parts).sorted()
                    #expect(starts.count == (layout.worldSize == 1 ? slots : 2 * slots))
                    #expect(zip(starts, starts.dropFirst()).allSatisfy { $0 + bytes <= $1 })
                    #expect(starts.last.map { $0 + bytes <= layout.totalBytes } == true)
                }
            }
        }
    }

    @Test func smallPartsGoThroughAllOfTheSlots() {
        let layout = RegionLayout(worldSize: 2, stageBytes: RegionLayout.defaultStageBytes(worldSize: 2))
        for bytes in [8192, 32768, 65536] {
            let places = Set((0..<UInt64(1000)).map { layout.messageSlot(of: 1, part: $0, bytes: bytes) })
            #expect(places.count * bytes == layout.messageSlots * 65536)
        }
    }

    /// Where /dev/shm is small, messages give way first: a smaller stage costs every large call steps.
    @Test func smallerLayoutsKeepTheStageLonger() {
        var layout = RegionLayout(worldSize: 7, stageBytes: RegionLayout.defaultStageBytes(worldSize: 7))
        var sizes = [layout.totalBytes]
        var stages = [layout.stageBytes]
        while let smaller = layout.smaller {
            layout = smaller
            sizes.append(layout.totalBytes)
            stages.append(layout.stageBytes)
        }
        #expect(zip(sizes, sizes.dropFirst()).allSatisfy { $0 > $1 })
        #expect(stages[1] == stages[0] && stages[2] < stages[1])
        #expect(layout.messageSlots == RegionLayout.fewMessageSlots)
        #expect(layout.stageBytes == RegionLayout.leastStageBytes(worldSize: 7))
        // The default of containers, 64 MiB, of which half is taken at most: 7 leaves are a whole GPU.
        let free = 64 << 20
        var fits = RegionLayout(worldSize: 7, stageBytes: RegionLayout.defaultStageBytes(worldSize: 7))
        while fits.totalBytes > free / 2, let smaller = fits.smaller { fits = smaller }
        #expect(fits.stageBytes == 1792 << 10)
    }

    /// What the algorithms show in one step is no longer than an area, whatever the ranks and the bytes.
    @Test func whatACallShowsFitsIntoAnArea() {
        for ranks in [2, 3, 5, 31, 129, 517, 1024] {
            for stage in [
                RegionLayout.leastStageBytes(worldSize: ranks), RegionLayout.defaultStageBytes(worldSize: ranks),
            ] {
                let layout = RegionLayout(worldSize: ranks, stageBytes: stage)
                for bytes in [41, 65, 127, 128, 129, 4095, 8192, 65_537, 1 << 20, 64 << 20] {
                    #expect(SharedReduce.slotBytes(for: bytes, layout) <= layout.areaBytes, "\(ranks) ranks, \(bytes)")
                    for blocks in [1, ranks] {
                        #expect(Showing.slotBytes(blocks: blocks, of: bytes, layout) <= layout.areaBytes)
                    }
                }
            }
        }
    }
}
