import Collectives
import Platform
import Synchronization

/// A thread that copies the large parts of its connections, and sleeps when there are none.
///
/// NCCL's thread asks for every request again and again as long as one is open. So a wake-up that gets lost does no
/// harm, nor does a connection that was not taken: the next question repairs it. After a close nobody asks, so `close`
/// rings in any case.
///
/// Sendable because what changes is atomic, behind its lock, or the thread's own.
final class CopyWorker: Sendable {
    private let inbox = Guarded<[Connection]>([])
    private let hasMail = Atomic<Bool>(false)
    private let sleeps = Atomic<Bool>(false)
    private let bell = ProcessDoorbell()
    private let spins: Int

    /// - Throws: `SystemError` when the machine allows no more threads.
    static func start(spins: Int) throws(SystemError) -> CopyWorker {
        let worker = CopyWorker(spins: spins)
        try startThread { worker.run() }
        return worker
    }

    private init(spins: Int) { self.spins = spins }

    var isAsleep: Bool { sleeps.load(ordering: .acquiring) }

    /// Makes the thread look at its connections once more, asleep or not. Release: who rings after a store is looked at
    /// with that store seen, or the thread does not sleep.
    func ring() { bell.ring() }

    /// Puts a connection on the list, if it is not there, and wakes the thread.
    func take(_ connection: Connection) {
        if !connection.isScheduled.exchange(true, ordering: .acquiringAndReleasing) {
            inbox.withLock { $0.append(connection) }
            hasMail.store(true, ordering: .sequentiallyConsistent)
        }
        if isAsleep { ring() }
    }

    private func run() {
        var active: [Connection] = []
        var ladder = WaitLadder(spins: spins, lookEvery: .seconds(1))
        while true {
            if hasMail.exchange(false, ordering: .acquiringAndReleasing) {
                active += inbox.withLock { inbox in
                    defer { inbox.removeAll(keepingCapacity: true) }
                    return inbox
                }
            }
            if serve(&active) {
                ladder = WaitLadder(spins: spins, lookEvery: .seconds(1))
                continue
            }
            switch ladder.next(at: ContinuousClock.now).action {
            case .spin: relaxProcessor()
            case .yield: yieldProcessor()
            case .sleep: sleep(&active)
            }
        }
    }

    /// Moves what can be moved, and drops connections that wait for nothing.
    ///
    /// - Returns: whether something was done.
    private func serve(_ active: inout [Connection]) -> Bool {
        var hasMoved = false
        var index = 0
        while index < active.count {
            let connection = active[index]
            guard let (outcome, moved) = connection.work() else {
                index += 1
                continue
            }
            if moved { hasMoved = true }
            if outcome == .idle {
                active.swapAt(index, active.count - 1)
                active.removeLast()
                connection.isScheduled.store(false, ordering: .releasing)
            } else {
                index += 1
            }
        }
        return hasMoved
    }

    private func sleep(_ active: inout [Connection]) {
        let count = bell.count
        sleeps.store(true, ordering: .sequentiallyConsistent)
        if !hasMail.load(ordering: .sequentiallyConsistent), !serve(&active) {
            bell.sleep(since: count, atMost: .seconds(60))
        }
        sleeps.store(false, ordering: .releasing)
    }
}
