import Synchronization

/// The memory of ranks that are threads of one process: for tests, for the thread sanitizer, and for a job of a
/// single rank, which needs no segment.
///
/// Sendable because it holds an address that never changes, and ranks touch the memory behind it by `Region`'s rules
/// only; who is dead is one atomic word.
@safe package final class InProcessWorld: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    private let layout: RegionLayout
    /// Bit r for rank r.
    private let dead = Atomic<UInt64>(0)

    /// - Parameter size: 1 to 64.
    package init(size: Int, slotBytes: Int = RegionLayout.defaultSlotBytes) {
        precondition((1...64).contains(size))
        layout = RegionLayout(worldSize: size, slotBytes: slotBytes)
        unsafe base = .allocate(byteCount: layout.totalBytes, alignment: RegionLayout.lineBytes)
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: layout.totalBytes)
        region.initialize()
        for rank in 0..<size { region.set(.attached, of: rank) }
        region.publish()
    }

    // Every transport keeps a reference, so no rank can touch the memory any more.
    deinit { unsafe base.deallocate() }

    /// The transport of one rank; ask once per rank.
    package func transport(of rank: Int) -> any Transport {
        precondition((0..<layout.worldSize).contains(rank))
        return InProcessTransport(self, rank: rank)
    }

    /// Makes the others see a rank as dead, as if its process had been killed.
    ///
    /// Release: pairs with the acquire in `isAlive`, so that who sees the rank dead sees its last step.
    package func declareDead(_ rank: Int) { dead.bitwiseOr(1 << UInt64(rank), ordering: .releasing) }

    fileprivate func isAlive(_ rank: Int) -> Bool { dead.load(ordering: .acquiring) & 1 << UInt64(rank) == 0 }
    fileprivate var region: Region { unsafe Region(base: base, layout: layout) }
}

private final class InProcessTransport: Transport {
    let name = "threads"
    let rank: Int
    private let world: InProcessWorld

    init(_ world: InProcessWorld, rank: Int) {
        self.world = world
        self.rank = rank
    }

    var region: Region { world.region }
    func isAlive(_ rank: Int) -> Bool { world.isAlive(rank) }
}
