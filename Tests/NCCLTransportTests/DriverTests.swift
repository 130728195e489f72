import Platform
import TestSupport
import Testing

/// The library as NCCL uses it: `nccl-driver` loads it in several processes and plays NCCL's threads.
///
/// One after the other, since each keeps the processors busy.
@Suite(.serialized) struct DriverTests {
    /// Runs a scenario and expects that all of its processes are content and nothing is left in /dev/shm.
    private func run(
        _ arguments: String..., extra: [String: String] = [:], _ location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let prefix = "flexmig-test-\(randomToken(bytes: 6))"
        defer { for name in SharedMemoryName.all(withPrefix: prefix) { try? name.unlink() } }
        let output = try Pipe()
        let driver = try BuiltProduct.path("nccl-driver")
        var child = ChildProcess(
            executable: driver,
            arguments: [driver, try BuiltProduct.path("libnccl-net-flexmig.so")] + arguments,
            environment: ["FLEXMIG_RENDEZVOUS": prefix].merging(extra) { $1 })
        child.descriptors = [(ours: output.writeEnd.number, childs: 1), (ours: output.writeEnd.number, childs: 2)]
        let process = try child.spawn()
        let readEnd = try output.readEnd.duplicate()
        _ = consume output
        let text = String(decoding: try readEnd.readAll(), as: UTF8.self)
        #expect(try waitForEnd(of: process) == .exited(code: 0), "\(arguments): \(text)", sourceLocation: location)
        #expect(text.hasSuffix("ok\n"), "\(arguments): \(text)", sourceLocation: location)
        #expect(SharedMemoryName.all(withPrefix: prefix) == [], "\(arguments)", sourceLocation: location)
        return text
    }

    /// RANKS CHANNELS MESSAGES BYTES DEPTH pattern.
    @Test(arguments: [
        "2 16 60 1048576 8 both", "2 1 3000 64 32 ring", "2 1 4 67108864 2 ring", "3 4 100 200000 8 both",
        "4 2 200 65536 1 both", "5 1 100 100000 8 all", "8 2 60 262144 8 both",
    ])
    func trafficComesUnchanged(plan: String) throws {
        let seed = "\(UInt32.random(in: 0 ... .max))"
        let words = plan.split(separator: " ").map(String.init)
        for (workers, bytes) in [("0", "262144"), ("1", "4096"), ("3", "32768")] {
            _ = try run(
                "traffic", words[0], words[1], words[2], words[3], seed, words[4], words[5],
                extra: ["FLEXMIG_NCCL_WORKERS": workers, "FLEXMIG_NCCL_PART_BYTES": bytes])
        }
    }

    /// Depths beyond NCCL's 32: the plugin answers that nothing more fits, again and again, and takes it later.
    @Test(arguments: ["2 4 300 100000 40 both", "3 1 400 3000 33 ring", "2 1 100 1048576 64 ring"], ["0", "2"])
    func whatDoesNotFitNowIsTakenLater(plan: String, workers: String) throws {
        let words = plan.split(separator: " ").map(String.init)
        _ = try run(
            "traffic", words[0], words[1], words[2], words[3], "1", words[4], words[5],
            extra: ["FLEXMIG_NCCL_WORKERS": workers])
    }

    @Test func sixtyFourRanksAtOnce() throws { _ = try run("traffic", "64", "1", "10", "20000", "1", "8", "ring") }

    /// Many connections of each process, and little room for workers.
    @Test func everybodyWithEverybody() throws {
        _ = try run("traffic", "16", "1", "5", "100000", "1", "8", "all", extra: ["FLEXMIG_NCCL_WORKERS": "3"])
    }

    @Test func theLibraryIsUnloadedAndLoadedAgain() throws { _ = try run("reload", "3") }

    /// A GPU polls the flags in the buffer into which the message is copied.
    @Test func wordsAreNeverSeenHalfWritten() throws { _ = try run("lines", "200") }

    @Test(arguments: ["tag", "size", "group", "handle", "twice"])
    func whatDoesNotFitIsAnError(kind: String) throws { _ = try run("mismatch", kind) }

    @Test(arguments: ["0", "2"]) func closingInTheMiddleLeavesTheMemoryAlone(workers: String) throws {
        _ = try run("pending", "2", extra: ["FLEXMIG_NCCL_WORKERS": workers])
    }

    @Test func nothingBurnsAProcessorWhenIdle() throws {
        _ = try run("idle", "", extra: ["FLEXMIG_NCCL_WORKERS": "4"])
    }

    /// In time: the driver fails where the last rank learns it more than ten seconds after the death, and prints the times.
    @Test func aDeathIsAnErrorOnTheOthers() throws {
        for _ in 0..<max(1, runs / 4) {
            let ranks = Int.random(in: 2...8)
            let text = try run(
                "kill", "\(ranks)", "\(UInt32.random(in: 0 ... .max))",
                extra: ["FLEXMIG_NCCL_WORKERS": "\(Int.random(in: 0...2))"])
            print("\(ranks) ranks, one killed:", text.prefix { $0 != "\n" })
        }
    }

    /// A listener that is killed before anybody connects leaves a name, which the next process removes.
    @Test func whatKilledListenersLeaveIsRemoved() throws {
        _ = try run("listeners", "3", extra: ["FLEXMIG_DEATH_TIMEOUT": "0.1"])
    }

    /// NCCL shows the sentence, and does not go on without the plugin where NCCL_NET names it.
    @Test func badSettingsAreRefused() throws {
        let text = try run("refused", "", extra: ["FLEXMIG_NCCL_WORKERS": "many", "DRIVER_LOG": "1"])
        #expect(text.contains("FLEXMIG_NCCL_WORKERS is \"many\""))
    }

    // MARK: CollNet

    /// Each rank says how many processors it takes for its own: the driver binds ranks 0 and 2 to one processor, and rank 1
    /// to another.
    @Test func ranksThatAreBoundShareWithThoseBoundAlike() throws {
        let cpus = try Affinity.allowed()
        let binding = "\(cpus[0]),\(cpus[cpus.count - 1])"
        let text = try run(
            "collnet", "3", "4", "1",
            extra: ["DRIVER_CPUS": binding, "DRIVER_LOG": "1", "FLEXMIG_DEBUG": "info"])
        for (rank, sharers) in cpus.count > 1 ? [(0, 2), (1, 1), (2, 2)] : [(0, 3), (1, 3), (2, 3)] {
            #expect(
                text.contains(
                    "processors for rank \(rank) of a CollNet group: 1; ranks with the same set: \(sharers)\n"),
                "\(text)")
        }
        #expect(text.split(separator: "\n").count { $0.hasSuffix("of 3 ranks, 1 lanes") } == 6)
    }

    /// With processors of its own a rank needs no more than those: here each has one, and NCCL's thread copies.
    @Test func boundRanksStartNoWorkersBeyondTheirProcessors() throws {
        let cpus = try Affinity.allowed()
        let text = try run(
            "traffic", "2", "1", "20", "100000", "1", "8", "both",
            extra: [
                "DRIVER_CPUS": "\(cpus[0]),\(cpus[cpus.count - 1])", "DRIVER_LOG": "1", "FLEXMIG_LOCAL_WORLD_SIZE": "2",
            ])
        #expect(
            text.split(separator: "\n").count { $0.hasSuffix("that copy: 0; processors for this rank: 1") } == 2,
            "\(text)")
    }

    /// All ten types and four operations, with values that tell types of one width apart.
    /// Sizes differ by powers of ten, so with several lanes calls are done out of order, and asked for in order.
    @Test(arguments: [(2, 1), (2, 4), (3, 2), (4, 3), (8, 1), (2, 8)])
    func allReducesAreRight(ranks: Int, lanes: Int) throws {
        let text = try run(
            "collnet", "\(ranks)", "60", "\(UInt32.random(in: 0 ... .max))",
            extra: ["FLEXMIG_NCCL_WORKERS": "\(lanes)", "DRIVER_LOG": "1"])
        #expect(text.contains("a CollNet group of \(ranks) ranks, \(lanes) lanes"))
    }

    /// Ranks bound to fewer processors want fewer lanes, and all must have the same.
    @Test(arguments: ["4,2", "2,4", "8,2,5", "3,2,0"])
    func ranksAgreeOnTheFewestLanes(wishes: String) throws {
        let text = try run(
            "collnet", "3", "40", "\(UInt32.random(in: 0 ... .max))",
            extra: ["DRIVER_WORKERS": wishes, "DRIVER_LOG": "1"])
        let fewest = wishes.hasSuffix("0") ? 1 : 2
        #expect(text.split(separator: "\n").count { $0.hasSuffix("of 3 ranks, \(fewest) lanes") } == 6)
    }

    @Test(arguments: [(2, 1), (4, 3)]) func moreThanSixtyFourCallsAreTakenLater(ranks: Int, lanes: Int) throws {
        _ = try run("collnet-full", "\(ranks)", extra: ["FLEXMIG_NCCL_WORKERS": "\(lanes)"])
    }

    @Test func sixtyFourRanksReduceTogether() throws {
        _ = try run("collnet", "64", "4", "1", extra: ["FLEXMIG_NCCL_WORKERS": "1"])
    }

    @Test(arguments: ["listen", "connect", "lanes", "death"], [2, 4])
    func allRanksJoinOrNone(kind: String, ranks: Int) throws {
        _ = try run("collnet-refused", "\(ranks)", kind, extra: ["FLEXMIG_NCCL_WORKERS": "4"])
    }

    @Test(arguments: [1, 3]) func closingAGroupLeavesTheMemoryAlone(lanes: Int) throws {
        _ = try run(
            "collnet-close", "3", "\(UInt32.random(in: 0 ... .max))", extra: ["FLEXMIG_NCCL_WORKERS": "\(lanes)"])
    }

    @Test func lanesSleepWhenIdle() throws { _ = try run("collnet-idle", extra: ["FLEXMIG_NCCL_WORKERS": "4"]) }

    @Test func aDeathInAnAllReduceIsAnErrorOnTheOthers() throws {
        for _ in 0..<max(1, runs / 4) {
            let ranks = Int.random(in: 2...6)
            let text = try run(
                "collnet-kill", "\(ranks)", "\(UInt32.random(in: 0 ... .max))",
                extra: ["FLEXMIG_NCCL_WORKERS": "\(Int.random(in: 1...4))"])
            print("\(ranks) ranks in all-reduces, one killed:", text.prefix { $0 != "\n" })
        }
    }

    private var runs: Int { Environment.value("FLEXMIG_KILL_RUNS").flatMap { Int($0) }.map { min($0, 400) } ?? 20 }
}
