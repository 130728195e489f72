import Platform

/// The mapped segment of a connection and this process's life lock on it.
///
/// The receiver makes it when it listens and holds the record lock on byte 0; the sender opens it, takes the lock on
/// byte 1 and removes the name at once. The kernel drops a lock when its process ends, however it ends, also between
/// PID namespaces. When both sides are in one process, nobody asks for the locks: they live and die together.
///
/// Sendable because nothing of it changes; what is in the memory is the ring's affair.
@safe final class RingSegment: @unchecked Sendable {
    private let memory: SharedMemory
    let layout: RingLayout
    let name: SharedMemoryName

    private init(_ memory: consuming SharedMemory, _ layout: RingLayout, _ name: SharedMemoryName) {
        self.memory = memory
        self.layout = layout
        self.name = name
    }

    private static func lifeLock(of side: RingSide) -> LockRange { LockRange(start: Int64(side.rawValue)) }

    /// Valid as long as this object lives.
    var ring: Ring { Self.ring(in: memory, layout) }

    private static func ring(in memory: borrowing SharedMemory, _ layout: RingLayout) -> Ring {
        guard let base = unsafe memory.bytes.baseAddress else { preconditionFailure("a mapping has an address") }
        return unsafe Ring(base: base, layout: layout)
    }

    /// Whether the process of a side that has attached still exists. Who learns that it does not sees all that it
    /// stored: what it sent or took has to be read after this answer.
    func isAlive(_ side: RingSide) throws(SystemError) -> Bool {
        if ring.process(of: side) == .own { return true }
        return try memory.file.holder(in: Self.lifeLock(of: side)) != nil
    }

    /// Removes the name if the segment still has it.
    func removeName() {
        // The name is random: no other file can have it.
        try? name.unlink()
    }

    // MARK: Making and opening

    /// Makes the segment of a receiver; a smaller one than usual where /dev/shm is short of room.
    static func create(_ name: SharedMemoryName, partBytes: Int) throws(NetFailure) -> RingSegment {
        // Where that can't be seen, the reservation itself will tell.
        var layout = RingLayout.fitting(freeBytes: (try? SharedMemoryName.freeBytes()) ?? .max, wanted: partBytes)
        while true {
            do throws(SystemError) {
                return try create(name, layout)
            } catch {
                if error.isNoSpace, let smaller = layout.halved {
                    layout = smaller
                    continue
                }
                let way =
                    error.isNoSpace
                    ? "; remove leftovers, or make it larger: \(SharedMemoryName.howToEnlarge)"
                    : error.isTooManyFiles ? "; each connection needs a descriptor: ulimit -n allows more" : ""
                throw .system("can't make \(layout.totalBytes) bytes of shared memory for a connection: \(error)\(way)")
            }
        }
    }

    private static func create(
        _ name: SharedMemoryName, _ layout: RingLayout
    ) throws(SystemError) -> RingSegment {
        let segment = RingSegment(try SharedMemory(creating: name, size: layout.totalBytes), layout, name)
        do throws(SystemError) {
            _ = try segment.memory.file.tryLock(lifeLock(of: .receiver))
        } catch {
            segment.removeName()
            throw error
        }
        segment.ring.set(.own, processors: RankProcessors.current().mark, of: .receiver)
        segment.ring.set(.attached, of: .receiver)
        segment.ring.publish()
        return segment
    }

    /// Opens the segment that a receiver listens on, as its only sender, and removes the name.
    static func connect(_ name: SharedMemoryName) throws(NetFailure) -> RingSegment {
        let result: Result<RingSegment, NetFailure>
        do throws(SystemError) {
            result = try opened(name)
        } catch {
            if error.isNotFound {
                throw .peer(
                    "there is no \(name) in this process's /dev/shm: the peer has ended or closed, or runs in a "
                        + "container with a /dev/shm of its own (docker run --ipc=host shares it)")
            }
            let way = error.isTooManyFiles ? "; each connection needs a descriptor: ulimit -n allows more" : ""
            throw .system("can't connect to \(name): \(error)\(way)")
        }
        return try result.get()
    }

    private static func opened(_ name: SharedMemoryName) throws(SystemError) -> Result<RingSegment, NetFailure> {
        let memory = try SharedMemory(opening: name)
        guard try memory.file.isOwn() else { return .failure(.peer("\(name) belongs to another user")) }
        let bytes = unsafe memory.bytes.count
        let least = RingLayout(partBytes: RingLayout.leastPart)
        guard bytes >= least.totalBytes, ring(in: memory, least).publishedMagic == Ring.magic else {
            return .failure(.mismatch("\(name) is no connection of this plugin"))
        }
        let (version, partBytes) = ring(in: memory, least).headerWords
        guard version == RingLayout.version, partBytes <= UInt64(RingLayout.largestPart),
            RingLayout.isPossible(partBytes: Int(partBytes)),
            RingLayout(partBytes: Int(partBytes)).totalBytes == bytes
        else {
            return .failure(
                .mismatch(
                    "\(name) was made by another version of the plugin: layout \(version), parts of \(partBytes) "
                        + "bytes; this one has layout \(RingLayout.version)"))
        }
        let segment = RingSegment(memory, RingLayout(partBytes: Int(partBytes)), name)
        guard try segment.isAlive(.receiver) else {
            segment.removeName()
            return .failure(.peer("the peer that listened on \(name) has ended"))
        }
        guard segment.ring.state(of: .sender) == .absent, try segment.memory.file.tryLock(lifeLock(of: .sender)) else {
            return .failure(.mismatch("\(name) has a sender already; a handle serves one connection"))
        }
        segment.ring.set(.own, processors: RankProcessors.current().mark, of: .sender)
        segment.ring.set(.attached, of: .sender)
        segment.removeName()
        return .success(segment)
    }
}
