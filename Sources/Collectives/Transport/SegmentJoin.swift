import Glibc
import Platform

/// How the ranks of a rendezvous come to share a segment.
///
/// Rank 0 makes the segment, takes its life lock, and publishes the magic. The others open the name until they find a
/// published segment whose rank 0 lives: anything else is either not finished or was left by a rank 0 that was killed.
/// Each takes its own life lock and says that it is attached. When all are, rank 0 removes the name, and from then on
/// the segment goes with the last process that has it mapped.
struct SegmentJoin {
    let rendezvous: Rendezvous
    let segment: SharedMemoryName
    private let deadline: ContinuousClock.Instant
    /// What the ranks are called in errors: a group that splits off is still spoken of by its parent's numbers.
    private let names: [Int]
    /// Throws when the ranks can't all come any more; asked now and then while this one waits, and before a fault that
    /// is seen here counts: whoever learns of a fault elsewhere says so there before it lets go of what it has here.
    private let checkHope: () throws(CollectiveError) -> Void

    private static let nap = Duration.milliseconds(1)
    private static let longestNap = Duration.milliseconds(10)

    /// - Parameter number: 0 for the process's first communicator of this rendezvous, 1 for the second, and so on.
    /// - Parameter names: what errors call the ranks; their numbers unless given.
    /// - Parameter checkHope: what else is known of the ranks.
    init(
        _ rendezvous: Rendezvous, number: Int, names: [Int]? = nil,
        checkHope: @escaping () throws(CollectiveError) -> Void = { () throws(CollectiveError) in }
    ) {
        self.rendezvous = rendezvous
        self.names = names ?? Array(0..<rendezvous.worldSize)
        self.checkHope = checkHope
        segment = SharedMemoryName("\(rendezvous.prefix)-\(number)")
        deadline = ContinuousClock.now + rendezvous.timeout
    }

    /// Joins and returns when all ranks have.
    func run() throws(CollectiveError) -> SharedMemoryTransport {
        let transport = rendezvous.rank == 0 ? try create() : try open()
        // On any error the transport is released, which removes the name.
        try waitForAll(transport)
        // By all: rank 0 may be stopped or killed just now, and others end without a farewell.
        transport.removeName()
        return transport
    }

    // MARK: Rank 0

    private func create() throws(CollectiveError) -> SharedMemoryTransport {
        var half: ContinuousClock.Instant?
        var layout = layoutThatFits()
        while true {
            do throws(SystemError) {
                let memory = try SharedMemory(creating: segment, size: layout.totalBytes)
                return try publish(memory, layout)
            } catch {
                if error.isNoSpace {
                    guard let smaller = layout.smaller else { throw noSpace(error, layout) }
                    layout = smaller
                    continue
                }
                guard error.isAlreadyThere else { throw noFileSystem(error) }
            }
            do throws(SystemError) {
                try replaceIfAbandoned(&half)
            } catch {
                throw failure("can't replace an abandoned segment", error)
            }
            try checkHope()
            if ContinuousClock.now >= deadline {
                throw CollectiveError(
                    .nameTaken, "another living job uses the rendezvous \(segment)", rank: names[0])
            }
            pause(for: Self.nap)
        }
    }

    /// The wanted stage, or less when that would take more than half of what is free: others need room too.
    private func layoutThatFits() -> RegionLayout {
        let worldSize = rendezvous.worldSize
        let stageBytes = RegionLayout.rounded(
            rendezvous.stageBytes ?? RegionLayout.defaultStageBytes(worldSize: worldSize))
        var layout = RegionLayout(
            worldSize: worldSize, stageBytes: max(RegionLayout.leastStageBytes(worldSize: worldSize), stageBytes),
            messageSlots: rendezvous.messageSlots ?? RegionLayout.manyMessageSlots)
        // Where that can't be seen, the reservation itself will tell.
        let free = (try? SharedMemoryName.freeBytes()) ?? .max
        while layout.totalBytes > free / 2, let smaller = layout.smaller { layout = smaller }
        return layout
    }

    private func publish(
        _ memory: consuming SharedMemory, _ layout: RegionLayout
    ) throws(SystemError) -> SharedMemoryTransport {
        do throws(SystemError) {
            // Nobody else takes this lock on a segment without magic.
            _ = try memory.file.tryLock(SharedMemoryTransport.lifeLock(of: 0))
        } catch {
            // What went wrong first says more than what may go wrong here.
            try? segment.unlink()
            throw error
        }
        let region = memory.region(layout)
        region.initialize()
        region.set(.attached, of: 0)
        region.publish()
        return SharedMemoryTransport(memory, named: segment, layout: layout, rank: 0)
    }

    /// Removes the segment in the way if no rank 0 lives there.
    ///
    /// - Parameter half: when a segment without magic was first seen.
    private func replaceIfAbandoned(_ half: inout ContinuousClock.Instant?) throws(SystemError) {
        let file: Descriptor
        do throws(SystemError) {
            file = try Descriptor.open(segment.path, .readWrite)
        } catch {
            if error.isNotFound { return }
            throw error
        }
        // Before the look at the lock: a rank 0 locks first and publishes then, so published without a lock is dead.
        let isPublished = try file.read(upTo: 8)?.contains { $0 != 0 } ?? false
        if try file.holder(in: SharedMemoryTransport.lifeLock(of: 0)) != nil {
            half = nil
            return
        }
        if !isPublished {
            let first = half ?? .now
            half = first
            if first.duration(to: .now) < RendezvousWatch.makingTime { return }
        }
        try SharedMemoryTransport.removeName(segment, of: file)
    }

    private func noSpace(_ error: SystemError, _ layout: RegionLayout) -> CollectiveError {
        let free = (try? SharedMemoryName.freeBytes()).map { "\($0)" } ?? "an unknown number of"
        return CollectiveError(
            .outOfSharedMemory,
            "the segment \(segment) of \(layout.worldSize) ranks needs \(layout.totalBytes) bytes of /dev/shm, "
                + "\(free) are free; remove leftovers, or make it larger: \(SharedMemoryName.howToEnlarge)",
            cause: error)
    }

    private func noFileSystem(_ error: SystemError) -> CollectiveError {
        failure("can't create shared memory; /dev/shm has to be a tmpfs that this user can write to", error)
    }

    // MARK: The other ranks

    private func open() throws(CollectiveError) -> SharedMemoryTransport {
        var watch = RendezvousWatch()
        var nap = Self.nap
        while true {
            let sighting: RendezvousWatch.Sighting
            switch Result(catching: attach) {
            case .success(.attached(let transport)): return transport
            case .success(.refused(let error)): throw error
            case .success(.notYet(let seen)): sighting = seen
            case .failure(let error): throw failure("can't join the other ranks", error)
            }
            do throws(CollectiveError) {
                try checkHope()
                if watch.showsDeath(sighting, at: .now) { throw self.error(Fault(kind: .died, rank: 0)) }
            } catch {
                removeIfAbandoned()
                throw error
            }
            if ContinuousClock.now >= deadline {
                removeIfAbandoned()
                throw CollectiveError(
                    .joinTimedOut,
                    "rank \(names[0]) has not created \(segment) within \(rendezvous.timeout): \(sighting)",
                    rank: names[0])
            }
            pause(for: nap)
            nap = min(nap * 2, Self.longestNap)
        }
    }

    private enum Attempt {
        case attached(SharedMemoryTransport)
        case notYet(RendezvousWatch.Sighting)
        case refused(CollectiveError)
    }

    private func attach() throws(SystemError) -> Attempt {
        let memory: SharedMemory
        do throws(SystemError) {
            memory = try SharedMemory(opening: segment)
        } catch {
            // Not there, or not sized yet.
            if error.isNotFound || error.code == ENODATA { return .notYet(.nothing) }
            throw error
        }
        // Another user's: nobody but this one may have made it, or could make it disappear.
        guard try memory.file.isOwn() else { return .refused(foreign) }
        let bytes = unsafe memory.bytes.count
        let region = memory.region(
            RegionLayout(
                worldSize: rendezvous.worldSize,
                stageBytes: RegionLayout.leastStageBytes(worldSize: rendezvous.worldSize)))
        // Smaller than a header: not ours, and nothing to read a magic from.
        // Before the look at the lock: rank 0 locks first and publishes then.
        let magic = bytes >= RegionLayout.headerBytes ? region.publishedMagic : 0
        let rank0 = try memory.file.holder(in: SharedMemoryTransport.lifeLock(of: 0))
        guard rank0 != nil, magic != 0 else {
            let file = try memory.file.fileNumber()
            return .notYet(.segment(file: file, isPublished: magic != 0, isAlive: rank0 != nil))
        }
        let layout: RegionLayout
        switch self.layout(magic, region.headerWords, bytes: bytes) {
        case .success(let found): layout = found
        case .failure(let error):
            // The others learn it from here, so that nobody waits for this one.
            if magic == Region.magic {
                region.refuse(
                    Refusal(
                        rank: rendezvous.rank, version: RegionLayout.version, worldSize: rendezvous.worldSize))
            }
            return .refused(error)
        }
        let rank = rendezvous.rank
        guard try memory.file.tryLock(SharedMemoryTransport.lifeLock(of: rank)), region.state(of: rank) == .absent
        else { return .refused(rankTaken) }
        // A release, after the lock: who sees the rank attached finds it alive.
        region.set(.attached, of: rank)
        return .attached(SharedMemoryTransport(memory, named: segment, layout: layout, rank: rank))
    }

    /// Removes a segment without a living rank 0, now that this job has failed.
    private func removeIfAbandoned() {
        do throws(SystemError) {
            let file = try Descriptor.open(segment.path, .readWrite)
            guard try file.holder(in: SharedMemoryTransport.lifeLock(of: 0)) == nil else { return }
            try SharedMemoryTransport.removeName(segment, of: file)
        } catch {
            // The error that the caller throws says more. The launcher sweeps the name, or the next rank 0 replaces it.
        }
    }

    private var rankTaken: CollectiveError {
        CollectiveError(
            .rankTaken, "another process is or was rank \(ownName) of \(segment) already", rank: ownName)
    }

    private var foreign: CollectiveError {
        CollectiveError(
            .nameTaken,
            "the segment \(segment) in /dev/shm belongs to another user, so it was not made by this job's "
                + "rank 0; choose another FLEXMIG_RENDEZVOUS or MASTER_PORT", rank: names[0])
    }

    /// The layout that rank 0 has chosen, or why this rank can't use it.
    private func layout(
        _ magic: UInt64,
        _ header: (version: UInt64, worldSize: UInt64, stageBytes: UInt64, messageSlots: UInt64), bytes: Int
    ) -> Result<RegionLayout, CollectiveError> {
        func refusal(_ what: String, _ theirs: UInt64, _ ours: UInt64) -> Result<RegionLayout, CollectiveError> {
            .failure(
                CollectiveError(
                    .incompatible,
                    "the \(what) of \(segment) is \(theirs) as rank \(names[0]) made it, but rank \(ownName) has \(ours)",
                    rank: names[0]))
        }
        if magic != Region.magic { return refusal("magic number", magic, Region.magic) }
        if header.version != RegionLayout.version {
            return refusal("layout version", header.version, RegionLayout.version)
        }
        let worldSize = rendezvous.worldSize
        if header.worldSize != UInt64(worldSize) { return refusal("world size", header.worldSize, UInt64(worldSize)) }
        guard let stageBytes = Int(exactly: header.stageBytes),
            RegionLayout.isPossible(stageBytes: stageBytes, worldSize: worldSize)
        else {
            return refusal(
                "stage size", header.stageBytes, UInt64(RegionLayout.defaultStageBytes(worldSize: worldSize)))
        }
        guard let messageSlots = Int(exactly: header.messageSlots),
            RegionLayout.possibleMessageSlots.contains(messageSlots)
        else {
            return refusal("number of message slots", header.messageSlots, UInt64(RegionLayout.manyMessageSlots))
        }
        let layout = RegionLayout(worldSize: worldSize, stageBytes: stageBytes, messageSlots: messageSlots)
        if bytes != layout.totalBytes { return refusal("size", UInt64(bytes), UInt64(layout.totalBytes)) }
        return .success(layout)
    }

    // MARK: All ranks

    private func waitForAll(_ transport: SharedMemoryTransport) throws(CollectiveError) {
        let region = transport.region
        // Here nobody rings: the ladder only tells when to look.
        var ladder = WaitLadder(spins: 0, lookEvery: .milliseconds(50))
        var nap = Self.nap
        while true {
            let absent = absent(in: region)
            if absent.isEmpty { return }
            let (action, looks) = ladder.next(at: ContinuousClock.now)
            if looks {
                try checkNews(in: region)
                var fault = try fault(seenBy: transport)
                if fault != nil { try checkNews(in: region) }
                // Those who know that one can't join have gone.
                if region.refusal != nil { fault = nil }
                if let fault, fault.kind != .gaveUp {
                    region.set(.failed(fault), of: rendezvous.rank)
                    throw error(fault)
                }
                if fault != nil || ContinuousClock.now >= deadline {
                    region.set(.failed(Fault(kind: .gaveUp, rank: rendezvous.rank)), of: rendezvous.rank)
                    throw timedOut(missing: absent)
                }
            }
            switch action {
            case .spin: relaxProcessor()
            case .yield: yieldProcessor()
            case .sleep:
                pause(for: nap)
                // Longer only in the course of half a second: ranks that are started together meet at once.
                nap = min(nap + nap / 50, Self.longestNap)
            }
        }
    }

    /// Throws if something but the ranks' lives tells that they can't all come.
    private func checkNews(in region: Region) throws(CollectiveError) {
        try checkHope()
        if let error = refusal(in: region) { throw error }
    }

    private var ownName: Int { names[rendezvous.rank] }

    private func error(_ fault: Fault) -> CollectiveError {
        CollectiveError(
            Fault(kind: fault.kind, rank: name(of: fault.rank)), during: "joining", on: segment.text, own: ownName)
    }

    /// A number that another rank wrote may be none of this group's.
    private func name(of rank: Int) -> Int { names.indices.contains(rank) ? names[rank] : rank }

    /// The error for a rank that could not use what rank 0 has made; nil while there is none to be told.
    ///
    /// Rank 0 keeps the segment until every rank has come or could not, so that those who come late learn it here too,
    /// and don't wait for a rank 0 that has gone.
    private func refusal(in region: Region) -> CollectiveError? {
        guard let refusal = region.refusal else { return nil }
        if rendezvous.rank == 0 && absent(in: region).count > region.refusals && ContinuousClock.now < deadline {
            return nil
        }
        let rank = name(of: refusal.rank)
        let version = region.headerWords.version
        let difference =
            refusal.version == version
            ? "its number of ranks is \(refusal.worldSize), and \(rendezvous.worldSize) that of rank \(names[0])"
            : "its layout version is \(refusal.version), and \(version) that of rank \(names[0]); "
                + "all ranks need the same version of Flex-MIG"
        return CollectiveError(.incompatible, "rank \(rank) can't join \(segment): \(difference)", rank: rank)
    }

    private func absent(in region: Region) -> [Int] {
        (0..<rendezvous.worldSize).filter { region.state(of: $0) == .absent }
    }

    private func fault(seenBy transport: SharedMemoryTransport) throws(CollectiveError) -> Fault? {
        do throws(SystemError) {
            var others: [Observation] = []
            for rank in 0..<rendezvous.worldSize where rank != rendezvous.rank {
                others.append(try transport.observe(rank))
            }
            return Fault.among(others)
        } catch {
            throw failure("can't see which ranks live", error)
        }
    }

    private func timedOut(missing: [Int]) -> CollectiveError {
        let ranks = missing.map { "\(names[$0])" }.joined(separator: ", ")
        return CollectiveError(
            .joinTimedOut,
            "\(missing.count) of \(rendezvous.worldSize) ranks have not joined \(segment) within \(rendezvous.timeout): \(ranks)",
            rank: missing.count == 1 ? names[missing[0]] : nil)
    }

    private func failure(_ what: String, _ error: SystemError) -> CollectiveError {
        CollectiveError(.system, what, cause: error)
    }
}
