import Collectives
import Platform

/// What a CollNet rank has between `listen` and `connect`.
package final class CollectiveListener {
    private let transport: NetTransport
    private let meeting: Meeting?
    private let processors = RankProcessors.current()

    /// Never fails: a rank that failed here would leave NCCL's set-up alone, and the others would wait for it. The
    /// failure travels in the handle instead, and all ranks fail in `connect`.
    package init(_ transport: NetTransport) {
        self.transport = transport
        let name = SharedMemoryName(transport.settings.namePrefix + randomToken(bytes: 16))
        do throws(SystemError) {
            meeting = try Meeting.make(name)
        } catch {
            transport.tell(.warning) { "can't listen for a CollNet group: \(error)" }
            meeting = nil
        }
    }

    package var handle: PeerHandle { PeerHandle(name: meeting?.name.text ?? "", processors: processors.mark) }

    package func close() { meeting?.remove() }

    /// Joins the group; returns when all ranks have, or throws on all of them.
    ///
    /// - Parameter handles: of all ranks, in their order; nil for one that can't be read.
    package func connect(_ handles: [PeerHandle?], rank: Int) throws(NetFailure) -> CollectiveGroup {
        let names = handles.compactMap { $0.flatMap { $0.name.isEmpty ? nil : SharedMemoryName($0.name) } }
        // All have all handles, so all find this out.
        guard names.count == handles.count, (0..<names.count).contains(rank), names.count <= 1024 else {
            throw .peer("a rank of the CollNet group could not listen, so nobody joins; its log says why")
        }
        // Every name, so that nothing is left of a rank that was killed.
        defer { for name in names { try? name.unlink() } }
        do throws(CollectiveError) {
            return try join(names, rank: rank, marks: handles.compactMap { $0?.processors })
        } catch {
            throw NetFailure(error)
        }
    }

    private func join(
        _ names: [SharedMemoryName], rank: Int, marks: [UInt64]
    ) throws(CollectiveError) -> CollectiveGroup {
        try Meeting.checkHope(names, own: rank)
        let settings = transport.settings
        // Where that can't be seen, the reservation itself will tell.
        let free = (try? SharedMemoryName.freeBytes()) ?? .max
        let (share, total) = (processors.share(among: marks), processors.total(among: marks))
        transport.tell(.debug) {
            "processors for rank \(rank) of a CollNet group: \(share); ranks with the same set: "
                + "\(processors.sharers(among: marks))"
        }
        let plan = LanePlan(
            wish: settings.lanes(processors: share), ranks: names.count, givenStage: settings.rendezvous.stageBytes,
            freeBytes: free)
        let first = try communicator(names, rank: rank, plan, total)
        // All can have as many lanes as one that wants the fewest.
        var lanes = [Int32(plan.lanes)]
        try first.allReduce(&lanes, .min)
        var communicators = [first]
        while communicators.count < Int(lanes[0]) {
            communicators.append(try communicator(names, rank: rank, plan, total))
        }
        let group = CollectiveGroup(communicators, processors: total, transport)
        let hasStarted = group.start()
        // All have joined. Now all say whether they can go on; who could not would leave the others waiting.
        if try group.vote(hasStarted) {
            transport.tell(.greeting) { "a CollNet group of \(names.count) ranks, \(communicators.count) lanes" }
            return group
        }
        group.close()
        throw CollectiveError(.rankLeft, "a rank of the CollNet group can't start its threads; its log says why")
    }

    /// Joins a lane's communicator: the next one of all ranks under the same name.
    private func communicator(
        _ names: [SharedMemoryName], rank: Int, _ plan: LanePlan, _ processors: Int
    ) throws(CollectiveError) -> Communicator {
        let settings = transport.settings
        var rendezvous = settings.rendezvous
        rendezvous.prefix = names[0].text + "g"
        rendezvous.rank = rank
        rendezvous.worldSize = names.count
        rendezvous.stageBytes = plan.stageBytes
        rendezvous.messageSlots = RegionLayout.fewMessageSlots
        let limits = WaitLimits(
            timeout: settings.operationTimeout ?? .seconds(365 * 86400), deathTimeout: settings.deathTimeout)
        return try Communicator(
            rendezvous, limits: limits, processors: processors / plan.lanes
        ) { () throws(CollectiveError) in try Meeting.checkHope(names, own: rank) }
    }
}
