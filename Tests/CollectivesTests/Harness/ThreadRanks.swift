import Collectives
import Foundation

/// So long that no rank is late on a busy machine, and so short that a test that hangs ends.
let patient = WaitLimits(timeout: .seconds(30))

/// Runs a body once per rank, each on a thread of its own, and returns what each came to, in rank order.
///
/// Threads and not tasks: ranks wait for each other, and the cooperative pool has only as many threads as the machine
/// has processors.
func onThreads<Value: Sendable>(
    of world: InProcessWorld, ranks: some Sequence<Int>, limits: WaitLimits = patient,
    _ body: @escaping @Sendable (Communicator) throws -> Value
) -> [Result<Value, any Error>] {
    let outcomes = Outcomes<Value>()
    let running = DispatchGroup()
    for rank in ranks {
        running.enter()
        Thread {
            let communicator = Communicator(world.transport(of: rank), limits: limits)
            outcomes.set(Result { try body(communicator) }, of: rank)
            communicator.close()
            running.leave()
        }.start()
    }
    running.wait()
    return outcomes.inOrder()
}

/// The same in a fresh world; throws the first rank's error.
func onThreads<Value: Sendable>(
    ranks: Int, stageBytes: Int = 1024, _ body: @escaping @Sendable (Communicator) throws -> Value
) throws -> [Value] {
    try onThreads(of: InProcessWorld(size: ranks, stageBytes: stageBytes), ranks: 0..<ranks, body).map { try $0.get() }
}

/// Sendable because the lock is held at every touch of `all`. A Foundation lock, since the thread sanitizer does not
/// see what `Synchronization.Mutex` orders.
private final class Outcomes<Value: Sendable>: @unchecked Sendable {
    private var all: [Int: Result<Value, any Error>] = [:]
    private let lock = NSLock()
    func set(_ outcome: Result<Value, any Error>, of rank: Int) { lock.withLock { all[rank] = outcome } }
    func inOrder() -> [Result<Value, any Error>] {
        lock.withLock { all.sorted { $0.key < $1.key }.map(\.value) }
    }
}

/// The collective error of a rank; nil when it had none.
func collectiveError<Value>(_ outcome: Result<Value, any Error>) -> CollectiveError? {
    guard case .failure(let error) = outcome else { return nil }
    return error as? CollectiveError
}

/// The collective error of a body; nil when it had none.
func collectiveError(in body: () throws -> Void) -> CollectiveError? { collectiveError(Result(catching: body)) }
