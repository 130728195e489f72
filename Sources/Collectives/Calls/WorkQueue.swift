import Platform
import Synchronization

/// Collectives that were started and may not be done yet.
///
/// Used from any thread.
public final class CollectiveWork: Sendable {
    private enum State {
        case running
        case done(CollectiveError?)
    }
    private let state = Guarded<State>(.running)
    private let bell = ProcessDoorbell()

    init() {}

    /// Waits until the work is done.
    ///
    /// - Throws: what it failed with, each time.
    public func wait() throws(CollectiveError) {
        while true {
            let count = bell.count
            if let outcome { if let error = outcome.error { throw error } else { return } }
            bell.sleep(since: count, atMost: .seconds(60))
        }
    }

    /// Whether the work is done, well or not.
    public var isDone: Bool { outcome != nil }

    private var outcome: (error: CollectiveError?, Void)? {
        state.withLock { if case .done(let error) = $0 { return (error, ()) } else { return nil } }
    }

    func finish(_ error: CollectiveError?) {
        state.withLock { $0 = .done(error) }
        bell.ring()
    }
}

/// The thread of one communicator that does what was started, one after the other.
///
/// Sendable because what changes is atomic or behind its lock.
final class WorkQueue: Sendable {
    private let items = Guarded<[Item]>([])
    /// How many items were added; the owner's thread counts. Release: pairs with the worker's acquire, so that it
    /// finds the item and all that was done before it was started.
    private let started = Atomic<Int>(0)
    /// How many are done; the worker counts. Release: pairs with the owner's acquire in `drain`, so that it finds
    /// what the work did.
    private let finished = Atomic<Int>(0)
    private let isClosing = Atomic<Bool>(false)
    /// The thread itself, so that a drain from inside of the work does not wait for itself.
    private let worker = Atomic<UInt64>(0)
    /// Rung when there is something to do, and when something is done.
    private let toWorker = ProcessDoorbell()
    private let toOwner = ProcessDoorbell()

    private struct Item: Sendable {
        let work: CollectiveWork
        let body: @Sendable () throws(CollectiveError) -> Void
    }

    /// - Throws: `system` when no thread can be started.
    static func make() throws(CollectiveError) -> WorkQueue {
        let queue = WorkQueue()
        do throws(SystemError) {
            try startThread { queue.run() }
        } catch {
            throw CollectiveError(.system, "can't start a thread for collectives", cause: error)
        }
        return queue
    }

    func add(
        _ communicator: Communicator, _ body: @escaping @Sendable (Communicator) throws(CollectiveError) -> Void
    ) -> CollectiveWork {
        let work = CollectiveWork()
        // The worker has the communicator while an item is queued or running, and the owner waits for `drain` before it
        // touches the communicator again.
        let handed = Handed(communicator)
        let item = Item(work: work) { () throws(CollectiveError) in try body(handed.value) }
        items.withLock { $0.append(item) }
        started.wrappingAdd(1, ordering: .releasing)
        toWorker.ring()
        return work
    }

    /// Waits until all is done that was started. Does nothing on the queue's own thread.
    @inline(__always)
    func drain() {
        if finished.load(ordering: .acquiring) != started.load(ordering: .relaxed) { waitUntilDrained() }
    }

    @inline(never)
    private func waitUntilDrained() {
        if worker.load(ordering: .relaxed) == currentThread() { return }
        while true {
            let count = toOwner.count
            if finished.load(ordering: .acquiring) == started.load(ordering: .relaxed) { return }
            toOwner.sleep(since: count, atMost: .seconds(60))
        }
    }

    /// Waits for what was started, and ends the thread.
    func finish() {
        drain()
        isClosing.store(true, ordering: .releasing)
        toWorker.ring()
    }

    private func run() {
        worker.store(currentThread(), ordering: .relaxed)
        while true {
            let count = toWorker.count
            if finished.load(ordering: .relaxed) == started.load(ordering: .acquiring) {
                if isClosing.load(ordering: .acquiring) { return }
                toWorker.sleep(since: count, atMost: .seconds(60))
                continue
            }
            perform(items.withLock { $0.removeFirst() })
            finished.wrappingAdd(1, ordering: .releasing)
            toOwner.ring()
        }
    }

    /// A function of its own, so that nothing of the item is kept when it is counted as done.
    @inline(never)
    private func perform(_ item: Item) {
        var failure: CollectiveError?
        do throws(CollectiveError) { try item.body() } catch { failure = error }
        item.work.finish(failure)
    }
}
