import Collectives

/// How many lanes a rank wants for a CollNet group, and how much each of them stages.
///
/// The ranks agree on the least number of lanes that one of them wants; the stage is rank 0's.
package struct LanePlan: Hashable, Sendable {
    /// More would wait for memory.
    package static let most = 8
    /// NCCL's largest call: eight channels of 256 KiB.
    static let largestCall = 2 << 20

    package let lanes: Int
    package let stageBytes: Int

    /// - Parameter wish: 1 and more; lanes that the processors allow.
    /// - Parameter givenStage: what the user wants a lane to stage; nil for what suits the ranks and NCCL's calls.
    /// - Parameter freeBytes: of /dev/shm. All lanes together take no more than half, as long as there is more than one.
    package init(wish: Int, ranks: Int, givenStage: Int?, freeBytes: Int) {
        var lanes = min(max(1, wish), Self.most)
        // What a lane gets of the largest call, rounded up as its parts are: a part then needs no second chunk.
        let grain = 8 * CallParts.unit
        let part = (Self.largestCall / lanes + grain - 1) / grain * grain
        let stage = givenStage ?? min(RegionLayout.defaultStageBytes(worldSize: ranks), part)
        stageBytes = max(RegionLayout.leastStageBytes(worldSize: ranks), stage)
        let laneBytes = RegionLayout(
            worldSize: ranks, stageBytes: stageBytes, messageSlots: RegionLayout.fewMessageSlots
        ).totalBytes
        while lanes > 1, lanes * laneBytes > freeBytes / 2 { lanes -= 1 }
        self.lanes = lanes
    }
}
