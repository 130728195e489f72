import Platform

/// The memory of ranks that are processes of one node: a POSIX shared-memory segment.
///
/// Rank r lives while a process holds the record lock on byte r of the segment's file. The kernel drops the lock when
/// the process ends, however it ends; it works between PID namespaces, and no recycled process number can fool it.
/// The lock is tied to the process and the file, so a process must never open the segment a second time: closing that
/// second descriptor would drop the lock.
@safe final class SharedMemoryTransport: Transport {
    /// Held for the moment in which a name is removed, so that nobody removes a successor's segment of the same name.
    static let nameLock = LockRange(start: 1 << 20)

    static func lifeLock(of rank: Int) -> LockRange { LockRange(start: Int64(rank)) }

    let rank: Int
    private let segment: SharedMemoryName
    private let memory: SharedMemory
    private let layout: RegionLayout

    /// Takes over a mapped segment on which this process holds its life lock.
    init(_ memory: consuming SharedMemory, named segment: SharedMemoryName, layout: RegionLayout, rank: Int) {
        self.memory = memory
        self.segment = segment
        self.layout = layout
        self.rank = rank
    }

    // Unmapping and closing follow by themselves; closing drops the life lock.
    deinit { removeName() }

    var name: String { segment.text }
    var region: Region { memory.region(layout) }
    var hasProcesses: Bool { true }

    func isAlive(_ rank: Int) throws(SystemError) -> Bool {
        // The kernel's lock table is the order here: a rank's stores come before its unlocking, which comes before
        // our answer, which comes before our next loads. A process doesn't see its own locks.
        if rank == self.rank { return true }
        return try memory.file.holder(in: Self.lifeLock(of: rank)) != nil
    }

    func stateInWords(of rank: Int) -> String? {
        guard let holder = try? memory.file.holder(in: Self.lifeLock(of: rank)), holder.process.rawValue > 0 else {
            return nil
        }
        let process = "its process \(holder.process.rawValue)"
        switch ProcessTable.row(of: holder.process)?.state {
        case "T", "t": return "\(process) is stopped; kill -CONT \(holder.process.rawValue) lets it go on"
        case "D": return "\(process) waits for a device or disk"
        case "S": return "\(process) sleeps or waits for something else"
        case "R": return "\(process) computes something else"
        default: return nil
        }
    }

    func createMemory(named name: String, bytes: Int) throws(SystemError) -> MappedMemory {
        try Self.mapped(name, creating: bytes)
    }

    func openMemory(named name: String) throws(SystemError) -> MappedMemory {
        try Self.mapped(name, creating: nil)
    }

    /// Without a descriptor, since a program can have many.
    private static func mapped(_ name: String, creating size: Int?) throws(SystemError) -> MappedMemory {
        unsafe MappedMemory(try SharedMemory.mapped(SharedMemoryName(name), creating: size)) {
            unsafe SharedMemory.unmap($0)
        }
    }

    func removeMemory(named name: String) {
        // Failing leaves a name that the launcher sweeps.
        try? SharedMemoryName(name).unlink()
    }

    func join(
        _ rendezvous: Rendezvous, names: [Int], checkHope: @escaping () throws(CollectiveError) -> Void
    ) throws(CollectiveError) -> any Transport {
        try SegmentJoin(rendezvous, number: 0, names: names, checkHope: checkHope).run()
    }

    /// Removes the segment's name if it still is this segment's. Normally rank 0 has done it when all had attached;
    /// the last to go does it when rank 0 died before.
    func removeName() {
        guard !region.isUnnamed else { return }
        // Failing leaves a name that the launcher sweeps, or the next rank 0 replaces.
        if (try? Self.removeName(segment, of: memory.file)) == true { region.isUnnamed = true }
    }

    /// Removes a name if it names this file.
    ///
    /// Every process that removes a segment's name holds the file's name lock meanwhile. So the name can't come to
    /// mean another file between the look and the removal.
    ///
    /// - Returns: false when another process is removing it just now.
    @discardableResult
    static func removeName(
        _ segment: SharedMemoryName, of file: borrowing Descriptor
    ) throws(SystemError) -> Bool {
        guard try file.tryLock(nameLock) else { return false }
        if try file.isNamed(segment.path) { try segment.unlink() }
        try file.unlock(nameLock)
        return true
    }
}

extension SharedMemoryName {
    /// Removes the name of a segment of ranks if it still names this file, as the ranks themselves do.
    ///
    /// - Returns: false when another process is removing it just now.
    @discardableResult
    package func remove(ifNaming file: borrowing Descriptor) throws(SystemError) -> Bool {
        try SharedMemoryTransport.removeName(self, of: file)
    }
}

extension SharedMemory {
    /// The mapping, by meaning. The value must not be used after the mapping's end.
    func region(_ layout: RegionLayout) -> Region {
        guard let base = unsafe bytes.baseAddress else { preconditionFailure("a mapping has an address") }
        return unsafe Region(base: base, layout: layout)
    }
}
