import Collectives
import NCCLTransport
import Testing

struct CallPartsTests {
    /// Every element in one part, none in two, whole cache lines, and no part much larger than another.
    @Test(arguments: [1, 2, 4, 8], 1...LanePlan.most)
    func partsCoverTheCall(stride: Int, lanes: Int) {
        let least = CallParts.leastBytes / stride
        for elements in [
            0, 1, 1023, least - 1, least, 2 * least - 1, 2 * least, 3 * least + 17, 16 * least, 64 * least + 1,
        ] {
            let parts = CallParts(of: elements, stride: stride, lanes: lanes)
            #expect(parts.count == min(lanes, max(1, elements / least)))
            var end = 0
            for part in 0..<parts.count {
                #expect(parts[part].lowerBound == end)
                #expect(part == 0 || parts[part].lowerBound % CallParts.unit == 0)
                #expect(elements == 0 || !parts[part].isEmpty)
                #expect(parts[part].count <= elements / parts.count + CallParts.unit)
                end = parts[part].upperBound
            }
            #expect(end == elements)
        }
    }
}

struct LanePlanTests {
    private static let large = 1 << 40

    /// All lanes together stage what one would, so they take no more memory.
    @Test(arguments: [2, 4, 16, 64], 1...LanePlan.most)
    func aPartOfTheLargestCallIsStagedAtOnce(ranks: Int, wish: Int) {
        let plan = LanePlan(wish: wish, ranks: ranks, givenStage: nil, freeBytes: Self.large)
        #expect(plan.lanes == wish)
        #expect(plan.stageBytes <= RegionLayout.defaultStageBytes(worldSize: ranks))
        for stride in [1, 2, 4, 8] {
            let largest = CallParts(of: (2 << 20) / stride, stride: stride, lanes: wish)[0].count * stride
            #expect(
                plan.stageBytes >= largest || plan.stageBytes == RegionLayout.defaultStageBytes(worldSize: ranks))
        }
    }

    @Test func littleMemoryMeansFewerLanes() {
        let wanted = LanePlan(wish: 4, ranks: 8, givenStage: nil, freeBytes: Self.large)
        let lane = RegionLayout(
            worldSize: 8, stageBytes: wanted.stageBytes, messageSlots: RegionLayout.fewMessageSlots
        ).totalBytes
        for lanes in 1...4 {
            #expect(LanePlan(wish: 4, ranks: 8, givenStage: nil, freeBytes: 2 * lanes * lane).lanes == lanes)
        }
        #expect(LanePlan(wish: 4, ranks: 8, givenStage: nil, freeBytes: 0).lanes == 1)
    }

    @Test func whatTheUserWantsIsStaged() {
        #expect(LanePlan(wish: 4, ranks: 2, givenStage: 8192, freeBytes: Self.large).stageBytes == 8192)
        #expect(LanePlan(wish: 4, ranks: 1024, givenStage: 4096, freeBytes: Self.large).stageBytes == 1024 * 128)
    }

    @Test(arguments: [(0, 1), (-3, 1), (64, LanePlan.most)])
    func wishesHaveLimits(wish: Int, lanes: Int) {
        #expect(LanePlan(wish: wish, ranks: 2, givenStage: nil, freeBytes: Self.large).lanes == lanes)
    }
}
