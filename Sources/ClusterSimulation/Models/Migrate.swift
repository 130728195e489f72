import LeafScheduling
import MIGModel

/// Dynamic one-to-one with migration: as partial re-cutting, and running jobs are moved to other GPUs to make room.
///
/// What MISO (SoCC'22) does with jobs that can be checkpointed, without its choice of sizes: a moved job loses
/// `restartSeconds`. See ``MigrationPlanner`` for who is moved. The only model that disturbs running jobs.
public struct Migrate: ClusterModel {
    public let name = "migrate"
    public let migrates = true

    public init() {}

    public func cuts(of part: SimulatedCluster.Part) -> [GPUCut] { PartialRecut().cuts(of: part) }

    public func wishes(slices: Int, profiles: [MIGProfile]) -> [GangWish] {
        PartialRecut().wishes(slices: slices, profiles: profiles)
    }
}
