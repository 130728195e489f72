import Platform
import Synchronization

/// Lets any thread end the waiting of a communicator's own thread.
///
/// The region is touched under the lock and only before `end`, where the transport that keeps it mapped is let go.
package final class Interruption: Sendable {
    private let requested = Atomic<Bool>(false)
    private let rank: Int
    private let region: Region
    /// Only kept and let go, never called.
    private let transport: Guarded<Handed<any Transport>?>

    init(_ region: Region, rank: Int, keeping transport: any Transport) {
        self.region = region
        self.rank = rank
        self.transport = Guarded(Handed(transport))
    }

    /// Acquire: pairs with the release in `request`, though nothing is read because of it but the request itself.
    @inline(__always)
    var isRequested: Bool { requested.load(ordering: .acquiring) }

    /// Makes this rank's present and later collectives fail with `aborted`, and those of the others, who learn it at
    /// once when they sleep and at their next look else. Any thread; does nothing after `end`.
    package func request() {
        transport.withLock { transport in
            guard transport != nil else { return }
            requested.store(true, ordering: .sequentiallyConsistent)
            region.leaveAttached(.failed(Fault(kind: .aborted, rank: rank)), of: rank)
            for other in 0..<region.layout.worldSize { region.doorbell(of: other).ring() }
        }
    }

    /// The communicator is closed.
    func end() { transport.withLock { $0 = nil } }
}
