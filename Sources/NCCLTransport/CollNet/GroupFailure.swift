import Platform
import Collectives
import Synchronization

/// The first failure of a group's lanes. When one lane fails, all do.
final class GroupFailure: Sendable {
    private let first = Guarded<NetFailure?>(nil)
    /// Release in `fail`, after the failure was written; acquire by who looks.
    private let hasFailed = Atomic<Bool>(false)
    private let lanes: [Communicator.AbortSwitch]

    init(_ lanes: [Communicator.AbortSwitch]) { self.lanes = lanes }

    var isThere: Bool { hasFailed.load(ordering: .acquiring) }

    var failure: NetFailure? { isThere ? first.withLock { $0 } : nil }

    /// Any lane's thread. The other lanes are aborted, here and so on the other ranks: those may wait in one where
    /// nothing is wrong for a call that NCCL won't make any more.
    func fail(_ failure: NetFailure) {
        first.withLock { $0 = $0 ?? failure }
        hasFailed.store(true, ordering: .releasing)
        for lane in lanes { lane.abort() }
    }
}
