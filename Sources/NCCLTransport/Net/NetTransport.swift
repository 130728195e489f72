import Collectives
import Platform
import Synchronization

/// The point-to-point half of the plugin: listening, connecting, and the threads that copy.
///
/// One for each process. Sendable: what changes is atomic.
package final class NetTransport: Sendable {
    package let settings: TransportSettings
    private let notices: Notices
    private let workers: [CopyWorker]
    private let made = Atomic<Int>(0)

    /// Starts the workers, and removes what killed processes of this user have left.
    package init(_ settings: TransportSettings, _ notices: Notices) throws(NetFailure) {
        self.settings = settings
        self.notices = notices
        // Where threads outnumber processors, a spinning one keeps the processor from the one that it waits for.
        let spins = usableProcessors() > settings.workers + 1 ? WaitLadder.spins : 0
        do throws(SystemError) {
            var workers: [CopyWorker] = []
            for _ in 0..<settings.workers { workers.append(try CopyWorker.start(spins: spins)) }
            self.workers = workers
        } catch {
            throw .system("can't start \(settings.workers) threads that copy: \(error)")
        }
        Leftovers.remove(prefix: settings.namePrefix, olderThan: settings.deathTimeout * 10)
    }

    /// Waits for one sender.
    package func listen() throws(NetFailure) -> Listener { try Listener(self) }

    /// Connects to the listener behind a handle.
    package func connect(_ handle: PeerHandle) throws(NetFailure) -> Sender {
        if handle.name.isEmpty { throw .peer("the peer could not listen; its log says why") }
        let sender = Sender(try RingSegment.connect(SharedMemoryName(handle.name)), self)
        tell(.info) { "connected to \(handle.name), parts of \(sender.segment.layout.partBytes) bytes" }
        return sender
    }

    func nextWorker() -> CopyWorker {
        workers[made.wrappingAdd(1, ordering: .relaxed).oldValue % workers.count]
    }

    @inline(__always)
    func tell(_ level: Notices.Level, _ text: () -> String) {
        if level == .warning || settings.isTelling { notices.tell(level, text()) }
    }
}

/// A receiver that waits for its sender.
package final class Listener {
    private let transport: NetTransport
    private let segment: RingSegment
    private var isAccepted = false

    init(_ transport: NetTransport) throws(NetFailure) {
        self.transport = transport
        segment = try RingSegment.create(SharedMemoryName(transport.settings.namePrefix + randomToken(bytes: 16)))
    }

    package var handle: PeerHandle { PeerHandle(name: segment.name.text) }

    /// The receiving end, once the sender has come; nil before, and when it was given away.
    package func accept() -> Receiver? {
        guard !isAccepted, segment.ring.state(of: .sender) != .absent else { return nil }
        isAccepted = true
        return Receiver(segment, transport)
    }

    package func close() {
        if isAccepted { return }
        segment.ring.set(.closed, of: .receiver)
        segment.removeName()
    }
}
