/// The variables between `flexmig run`, `flexmig exec` and the programs of a job.
public enum RankVariable {
    /// Rank within the job, set for the `exec` of a rank that the supervisor starts.
    public static let rank = "FLEXMIG_RANK"
    public static let worldSize = "FLEXMIG_WORLD_SIZE"
    /// The job's leaves on this node in the order of the node's ranks, separated by commas.
    public static let leaves = "FLEXMIG_LEAVES"
    /// The shares of the node's ranks, in the same order.
    public static let shares = "FLEXMIG_RANK_SHARES"
    /// This rank's own leaf.
    public static let leaf = "FLEXMIG_LEAF"
    /// This rank's own share of the job's work, 0 to 1.
    public static let share = "FLEXMIG_RANK_SHARE"
    /// The rank's number among the ranks of its node, and how many there are.
    public static let localRank = "FLEXMIG_LOCAL_RANK"
    public static let localWorldSize = "FLEXMIG_LOCAL_WORLD_SIZE"
    /// What names the job's shared-memory files.
    public static let rendezvous = "FLEXMIG_RENDEZVOUS"
    /// "device" or "node": what `LOCAL_RANK` counts.
    public static let localRankStyle = "FLEXMIG_LOCAL_RANK_STYLE"
    /// The process whose child the rank must be, to die with it.
    public static let supervisor = "FLEXMIG_SUPERVISOR"

    static let all = [
        rank, worldSize, leaves, shares, leaf, share, localRank, localWorldSize, rendezvous, localRankStyle, supervisor,
    ]
}

/// What `LOCAL_RANK` counts.
public enum LocalRankStyle: String, Hashable, Sendable, Codable, CaseIterable {
    /// The devices that the rank sees: always 0 of 1, because it sees one. Programs call `set_device(LOCAL_RANK)`.
    case device
    /// The ranks of the node, as torchrun counts them.
    case node
}
