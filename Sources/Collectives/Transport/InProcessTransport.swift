import Platform
import Synchronization

/// The memory of ranks that are threads of one process: for tests, for the thread sanitizer, and for a job of a
/// single rank, which needs no segment.
package final class InProcessWorld: Sendable {
    fileprivate let region: Region
    /// Bit r for rank r.
    private let dead = Atomic<UInt64>(0)
    private let shared = Guarded(Shared())

    private struct Shared {
        var memories: [String: MappedMemory] = [:]
        var worlds: [String: InProcessWorld] = [:]
    }

    /// - Parameter size: 1 to 64.
    package init(size: Int, stageBytes: Int? = nil) {
        precondition((1...64).contains(size))
        let layout = RegionLayout(
            worldSize: size,
            stageBytes: max(
                stageBytes ?? RegionLayout.defaultStageBytes(worldSize: size),
                RegionLayout.rounded(size * RegionLayout.unit)))
        let base = UnsafeMutableRawPointer.allocate(byteCount: layout.totalBytes, alignment: RegionLayout.unit)
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: layout.totalBytes)
        region = unsafe Region(base: base, layout: layout)
        region.initialize()
        for rank in 0..<size { region.set(.attached, of: rank) }
        region.publish()
    }

    // Every transport keeps a reference, so no rank can touch the memory any more.
    deinit { unsafe region.base.deallocate() }

    /// The transport of one rank; ask once per rank.
    package func transport(of rank: Int) -> any Transport {
        precondition((0..<region.layout.worldSize).contains(rank))
        return InProcessTransport(self, rank: rank)
    }

    /// Makes the others see a rank as dead, as if its process had been killed.
    ///
    /// Release: pairs with the acquire in `isAlive`, so that who sees the rank dead sees its last step.
    package func declareDead(_ rank: Int) { dead.bitwiseOr(1 << UInt64(rank), ordering: .releasing) }

    fileprivate func isAlive(_ rank: Int) -> Bool { dead.load(ordering: .acquiring) & 1 << UInt64(rank) == 0 }

    fileprivate func create(_ name: String, bytes count: Int) -> MappedMemory {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
        unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
        let memory = unsafe MappedMemory(bytes) { unsafe $0.deallocate() }
        shared.withLock { $0.memories[name] = memory }
        return memory
    }

    fileprivate func memory(_ name: String) -> MappedMemory? { shared.withLock { $0.memories[name] } }
    fileprivate func remove(_ name: String) { shared.withLock { $0.memories[name] = nil } }

    /// The world of a smaller group; made by whoever comes first.
    fileprivate func world(_ name: String, size: Int) -> InProcessWorld {
        shared.withLock { shared in
            if let world = shared.worlds[name] { return world }
            let world = InProcessWorld(size: size, stageBytes: region.layout.stageBytes)
            shared.worlds[name] = world
            return world
        }
    }
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

    func createMemory(named name: String, bytes: Int) -> MappedMemory { world.create(name, bytes: bytes) }
    func openMemory(named name: String) throws(SystemError) -> MappedMemory {
        guard let memory = world.memory(name) else { throw SystemError.missing(name) }
        return memory
    }
    func removeMemory(named name: String) { world.remove(name) }

    func join(
        _ rendezvous: Rendezvous, names: [Int], checkHope: @escaping () throws(CollectiveError) -> Void
    ) -> any Transport {
        world.world(rendezvous.prefix, size: rendezvous.worldSize).transport(of: rendezvous.rank)
    }
}
