import Collectives
import NCCLTransport
import Platform
import TestSupport
import Testing

/// Two ranks' CollNet groups in one process, which is what the thread sanitizer can see: NCCL's thread beside the lanes.
struct OneProcessGroupTests {
    private final class Log: Sendable {
        let lines = Guarded<[String]>([])
        var all: [String] { lines.withLock { $0 } }
    }

    /// The groups of two ranks, started.
    private func groups(lanes: Int, _ log: Log) throws -> (groups: [CollectiveGroup], worlds: [InProcessWorld]) {
        let transport = NetTransport(
            try TransportSettings(
                environment: ["FLEXMIG_RENDEZVOUS": "flexmig-test-\(randomToken(bytes: 6))"]),
            Notices { _, text in log.lines.withLock { $0.append(text) } })
        let worlds = (0..<lanes).map { _ in InProcessWorld(size: 2, stageBytes: 1 << 16) }
        let limits = WaitLimits(timeout: .seconds(300), deathTimeout: .milliseconds(50))
        let groups = (0..<2).map { rank in
            CollectiveGroup(
                worlds.map { Communicator($0.transport(of: rank), limits: limits) }, processors: 4, transport)
        }
        for group in groups { #expect(group.start()) }
        return (groups, worlds)
    }

    @Test(arguments: [1, 3])
    func callsOfAllSizesAreRight(lanes: Int) throws {
        let log = Log()
        let (groups, _) = try groups(lanes: lanes, log)
        var random = SplitMix(seed: 11)
        let most = 200_000
        let counts = (0..<120).map { _ in [0, 1, 1000, 40_000, 100_003, most][Int(random.next() % 6)] }
        let (places, ranks) = (8, 2)
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: 2 * ranks * places * most)
        defer { unsafe memory.deallocate() }
        unsafe memory.initialize(repeating: 0, count: 2 * ranks * places * most)
        func place(_ rank: Int, _ call: Int, output: Bool) -> UnsafeMutablePointer<Float> {
            unsafe memory + ((output ? ranks : 0) + rank) * places * most + call % places * most
        }
        var posted = [0, 0]
        var done = posted
        var requests = unsafe [[UnsafeMutablePointer<CollectiveGroup.Operation>?]](
            repeating: [UnsafeMutablePointer<CollectiveGroup.Operation>?](repeating: nil, count: places), count: ranks)
        while done.min() ?? 0 < counts.count {
            for rank in 0..<ranks {
                let call = posted[rank]
                if call < counts.count, call - done[rank] < places {
                    for index in 0..<counts[call] {
                        unsafe place(rank, call, output: false)[index] = Float(rank + call % 7 + index % 5)
                    }
                    unsafe requests[rank][call % places] = try groups[rank].post(
                        place(rank, call, output: false), place(rank, call, output: true), count: counts[call], .float,
                        .sum)
                    posted[rank] += 1
                }
                let oldest = done[rank]
                guard oldest < posted[rank], let request = unsafe requests[rank][oldest % places],
                    let bytes = try unsafe CollectiveGroup.test(request)
                else { continue }
                #expect(bytes == 4 * counts[oldest])
                let isRight = (0..<counts[oldest]).allSatisfy {
                    unsafe place(rank, oldest, output: true)[$0] == Float(1 + 2 * (oldest % 7) + 2 * ($0 % 5))
                }
                #expect(isRight, "call \(oldest) of \(counts[oldest]) elements")
                done[rank] += 1
            }
        }
        for group in groups { group.close() }
        #expect(log.all == [])
    }

    /// The other rank dies in one lane, as far as can be seen, while the other lanes wait for it too.
    @Test func whenOneLaneFailsAllDo() throws {
        let log = Log()
        let (groups, worlds) = try groups(lanes: 3, log)
        var value: Float = 1
        var result: Float = 0
        unsafe try withUnsafeMutablePointer(to: &value) { value in
            unsafe try withUnsafeMutablePointer(to: &result) { result in
                var requests = unsafe [UnsafeMutablePointer<CollectiveGroup.Operation>]()
                for _ in 0..<6 {
                    if let request = unsafe try groups[0].post(value, result, count: 1, .float, .sum) {
                        unsafe requests.append(request)
                    }
                }
                worlds[1].declareDead(1)
                for index in 0..<6 {
                    let request = unsafe requests[index]
                    let failure = #expect(throws: NetFailure.self) {
                        while try unsafe CollectiveGroup.test(request) == nil { yieldProcessor() }
                    }
                    #expect(failure?.description.contains("rank 1") == true)
                }
                #expect(throws: NetFailure.self) {
                    _ = try unsafe groups[0].post(value, result, count: 1, .float, .sum)
                }
            }
        }
        for group in groups { group.close() }
        #expect(log.all.count == 1)
    }

    @Test func sixtyFourCallsFitAndNoMore() throws {
        let (groups, _) = try groups(lanes: 3, Log())
        var value: Float = 1
        var result: Float = 0
        unsafe try withUnsafeMutablePointer(to: &value) { value in
            unsafe try withUnsafeMutablePointer(to: &result) { result in
                var calls = 0
                while try unsafe groups[0].post(value, result, count: 1, .float, .sum) != nil { calls += 1 }
                #expect(calls == CollectiveGroup.limit)
            }
        }
        // The other rank never calls, and closing does not wait for it.
        for group in groups { group.close() }
    }
}
