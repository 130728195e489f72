import Collectives
import Platform

/// The point-to-point half of the plugin: listening, connecting, and the threads that copy.
///
/// One for each process. Sendable: what changes is behind its lock.
package final class NetTransport: Sendable {
    package let settings: TransportSettings
    private let notices: Notices
    /// Nil until there is a connection.
    private let workers = Guarded<Workers?>(nil)

    /// Removes what killed processes of this user have left.
    package init(_ settings: TransportSettings, _ notices: Notices) {
        self.settings = settings
        self.notices = notices
        Leftovers.remove(prefix: settings.namePrefix, olderThan: settings.deathTimeout * 10)
    }

    /// Waits for one sender.
    package func listen() throws(NetFailure) -> Listener { try Listener(self) }

    /// Connects to the listener behind a handle.
    package func connect(_ handle: PeerHandle) throws(NetFailure) -> Sender {
        if handle.name.isEmpty { throw .peer("the peer could not listen; its log says why") }
        let sender = try Sender(try RingSegment.connect(SharedMemoryName(handle.name)), self)
        tell(.debug) { "connected to \(handle.name), parts of \(sender.segment.layout.partBytes) bytes" }
        return sender
    }

    /// The worker of a new connection. Workers are started by the first connections: NCCL has bound the thread that
    /// connects to the processors near the GPU by then, and threads inherit that. How many there are is decided with the
    /// very first one.
    ///
    /// - Parameter peer: the processors of the other side.
    /// - Returns: nil where NCCL's own thread copies all.
    func nextWorker(peer: UInt64) throws(NetFailure) -> CopyWorker? {
        let result = workers.withLock { workers in
            Result { () throws(SystemError) in
                if workers == nil {
                    let plan = WorkerPlan(RankProcessors.current(), peer: peer, settings)
                    tell(.greeting) { plan.description }
                    workers = Workers(plan: plan)
                }
                return try workers?.next()
            }
        }
        do throws(SystemError) { return try result.get() } catch {
            throw .system("can't start a thread that copies: \(error)")
        }
    }

    private struct Workers {
        let plan: WorkerPlan
        var threads: [CopyWorker] = []
        var given = 0

        mutating func next() throws(SystemError) -> CopyWorker? {
            if plan.count == 0 { return nil }
            if given % plan.count == threads.count { threads.append(try CopyWorker.start(spins: plan.spins)) }
            defer { given += 1 }
            return threads[given % plan.count]
        }
    }

    @inline(__always)
    func tell(_ level: Notices.Level, _ text: () -> String) {
        let isWanted =
            switch level {
            case .warning, .greeting: true
            case .debug: settings.isTelling
            case .trace: settings.isTracing
            }
        if isWanted { notices.tell(level, text()) }
    }
}

/// A receiver that waits for its sender.
package final class Listener {
    private let transport: NetTransport
    private let segment: RingSegment
    private var isAccepted = false

    init(_ transport: NetTransport) throws(NetFailure) {
        self.transport = transport
        let settings = transport.settings
        segment = try RingSegment.create(
            SharedMemoryName(settings.namePrefix + randomToken(bytes: 16)), partBytes: settings.partBytes)
    }

    package var handle: PeerHandle {
        PeerHandle(name: segment.name.text, processors: segment.ring.processors(of: .receiver))
    }

    /// The receiving end, once the sender has come; nil before, and when it was given away.
    package func accept() throws(NetFailure) -> Receiver? {
        guard !isAccepted, segment.ring.state(of: .sender) != .absent else { return nil }
        let receiver = try Receiver(segment, transport)
        isAccepted = true
        return receiver
    }

    package func close() {
        if isAccepted { return }
        segment.ring.set(.closed, of: .receiver)
        segment.removeName()
    }
}
