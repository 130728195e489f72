import NCCLTransport
import Platform
import TestSupport
import Testing

/// Both ends in one process, which is what the thread sanitizer can see: NCCL's thread beside the workers.
struct OneProcessTests {
    /// What went to NCCL's log.
    private final class Log: Sendable {
        let lines = Guarded<[String]>([])
        var all: [String] { lines.withLock { $0 } }
    }

    private func transport(_ log: Log, _ extra: [String: String] = [:]) throws -> NetTransport {
        let variables = ["FLEXMIG_RENDEZVOUS": "flexmig-test-\(randomToken(bytes: 6))"].merging(extra) { $1 }
        return NetTransport(
            try TransportSettings(environment: variables),
            Notices { level, text in if level == .warning { log.lines.withLock { $0.append(text) } } })
    }

    private func connect(_ transport: NetTransport) throws -> (sender: Sender, receiver: Receiver) {
        let listener = try transport.listen()
        defer { listener.close() }
        #expect(try listener.accept() == nil)
        let handle = try #require(PeerHandle(decoding: listener.handle.encoded))
        let sender = try transport.connect(handle)
        let receiver = try #require(try listener.accept())
        #expect(try listener.accept() == nil)
        #expect(throws: NetFailure.self) { try transport.connect(handle) }
        return (sender, receiver)
    }

    /// A request that must have been taken.
    @unsafe
    private func taken(_ request: UnsafeMutablePointer<NetRequest>?) throws -> UnsafeMutablePointer<NetRequest> {
        struct Refused: Error {}
        guard let request = unsafe request else { throw Refused() }
        return unsafe request
    }

    @Test(arguments: [0, 1, 3])
    func messagesComeInOrderAndUnchanged(workers: Int) throws {
        let log = Log()
        let transport = try transport(log, ["FLEXMIG_NCCL_WORKERS": "\(workers)", "FLEXMIG_NCCL_PART_BYTES": "65536"])
        let pairs = try (0..<4).map { _ in try connect(transport) }
        var random = SplitMix(seed: 7)
        let most = 300_000
        let sizes = (0..<60).map { _ in [0, 8, 48, 49, 5000, 65536, 65537, most][Int(random.next() % 8)] }
        let source = UnsafeMutableRawBufferPointer.allocate(byteCount: most, alignment: 64)
        defer { unsafe source.deallocate() }
        for index in 0..<most { unsafe source[index] = UInt8(truncatingIfNeeded: index &* 31) }
        let targets = unsafe pairs.map { _ in
            UnsafeMutableRawBufferPointer.allocate(byteCount: most, alignment: 64)
        }
        defer { for index in pairs.indices { unsafe targets[index].deallocate() } }

        var sent = [Int](repeating: 0, count: pairs.count)
        var received = sent
        var sending = unsafe [UnsafeMutablePointer<NetRequest>?](repeating: nil, count: pairs.count)
        var receiving = unsafe sending
        while received.min() ?? 0 < sizes.count {
            for (index, pair) in pairs.enumerated() {
                if let request = unsafe sending[index] {
                    if let bytes = try unsafe Connection.test(request) {
                        #expect(bytes == sizes[sent[index]])
                        sent[index] += 1
                        unsafe sending[index] = nil
                    }
                } else if sent[index] < sizes.count {
                    unsafe sending[index] = try pair.sender.post(source.baseAddress, bytes: sizes[sent[index]], tag: 4)
                }
                if let request = unsafe receiving[index] {
                    guard let bytes = try unsafe Connection.test(request) else { continue }
                    #expect(bytes == sizes[received[index]])
                    let isSame = unsafe targets[index].prefix(bytes).elementsEqual(source.prefix(bytes))
                    #expect(isSame, "message \(received[index]) of \(bytes) bytes")
                    received[index] += 1
                    unsafe receiving[index] = nil
                } else if received[index] < sizes.count {
                    unsafe receiving[index] = try pair.receiver.post(targets[index].baseAddress, bytes: most, tag: 4)
                }
            }
        }
        for pair in pairs {
            pair.sender.close()
            pair.receiver.close()
        }
        #expect(log.all == [])
    }

    /// The worker lets a closed connection's memory go. It must not sleep with one on its list, and so it is closed when
    /// the worker has just nothing to do and is about to sleep.
    @Test func nothingIsKeptOfAClosedConnection() throws {
        final class Weak {
            weak var connection: Connection?
            init(_ connection: Connection) { self.connection = connection }
        }
        let transport = try transport(Log(), ["FLEXMIG_NCCL_WORKERS": "1"])
        let bytes = 100_000
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 2 * bytes, alignment: 64)
        defer { unsafe memory.deallocate() }
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 5, count: 2 * bytes)
        var random = SplitMix(seed: 3)
        var closed: [Weak] = []
        for _ in 0..<200 {
            let (sender, receiver) = try connect(transport)
            let receiving = try unsafe taken(receiver.post(memory, bytes: bytes, tag: 0))
            let sending = try unsafe taken(sender.post(memory + bytes, bytes: bytes, tag: 0))
            // One that never comes keeps the receiver on the list.
            _ = try unsafe taken(receiver.post(memory, bytes: bytes, tag: 0))
            while try unsafe Connection.test(receiving) == nil {}
            while try unsafe Connection.test(sending) == nil {}
            let now = ContinuousClock.now
            let pause = Duration.microseconds(Int(random.next() % 2000))
            while ContinuousClock.now - now < pause {}
            receiver.close()
            sender.close()
            closed += [Weak(receiver), Weak(sender)]
        }
        // A worker that slept would keep it for a minute.
        let start = ContinuousClock.now
        while closed.contains(where: { $0.connection != nil }), ContinuousClock.now - start < .seconds(20) {
            yieldProcessor()
        }
        #expect(closed.count { $0.connection != nil } == 0)
    }

    /// What was sent before the peer closed still comes; then the next receive fails, and says why once.
    @Test func aPeerThatClosesIsNoticedAfterItsMessages() throws {
        let log = Log()
        let transport = try transport(log, ["FLEXMIG_DEATH_TIMEOUT": "0.05"])
        let (sender, receiver) = try connect(transport)
        var number: UInt64 = 77
        let sent = try unsafe taken(sender.post(&number, bytes: 8, tag: 0))
        #expect(try unsafe Connection.test(sent) == 8)
        sender.close()
        var target: UInt64 = 0
        unsafe try withUnsafeMutablePointer(to: &target) { target in
            let first = try unsafe taken(receiver.post(target, bytes: 8, tag: 0))
            #expect(try unsafe Connection.test(first) == 8)
            #expect(unsafe target.pointee == 77)
            let second = try unsafe taken(receiver.post(target, bytes: 8, tag: 0))
            let failure = #expect(throws: NetFailure.self) {
                while try unsafe Connection.test(second) == nil { yieldProcessor() }
            }
            #expect(failure?.description.contains("closed the connection") == true)
            #expect(throws: NetFailure.self) { _ = unsafe try receiver.post(target, bytes: 8, tag: 0) }
        }
        receiver.close()
        #expect(log.all.count == 1)
    }

    @Test func aPeerThatIsSilentIsAnErrorOnlyWhereATimeIsSet() throws {
        let log = Log()
        let transport = try transport(log, ["FLEXMIG_TIMEOUT": "0.1"])
        let (sender, receiver) = try connect(transport)
        let request = try unsafe taken(receiver.post(nil, bytes: 0, tag: 0))
        let failure = #expect(throws: NetFailure.self) {
            while try unsafe Connection.test(request) == nil { yieldProcessor() }
        }
        #expect(failure?.description.contains("FLEXMIG_TIMEOUT") == true)
        sender.close()
        receiver.close()
    }

    @Test func thirtyTwoRequestsFitAndNoMore() throws {
        let transport = try transport(Log())
        let (sender, receiver) = try connect(transport)
        var requests = unsafe [UnsafeMutablePointer<NetRequest>]()
        while let request = unsafe try receiver.post(nil, bytes: 0, tag: 0) { unsafe requests.append(request) }
        #expect(unsafe requests.count == 32)
        for index in 0..<32 {
            let request = unsafe requests[index]
            let sent = try unsafe taken(sender.post(nil, bytes: 0, tag: 0))
            while try unsafe Connection.test(sent) == nil {}
            while try unsafe Connection.test(request) == nil {}
            #expect(unsafe try receiver.post(nil, bytes: 0, tag: 0) != nil)
        }
        sender.close()
        receiver.close()
    }
}
