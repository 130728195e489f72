import CollectiveBenchmark
import FoundationEssentials
import Platform
import TestSupport
import Testing

/// `flexmig bench collectives` with real ranks, and with peers that behave and misbehave. No time is asserted.
struct BenchCollectivesTests {
    private func report(_ output: String) throws -> BenchmarkReport {
        // Standard error comes with it: what follows the JSON is a message.
        let json = output.split(separator: "\n", omittingEmptySubsequences: false)
        let (first, last) = (json.firstIndex(of: "{"), json.lastIndex(of: "}"))
        let lines = try json[#require(first)...#require(last)]
        return try JSONDecoder().decode(BenchmarkReport.self, from: Data(lines.joined(separator: "\n").utf8))
    }

    @Test func realRanks() throws {
        let peers = try FakePeers()
        let result = try Flexmig.run(
            ["bench", "collectives", "--ranks", "2", "--sizes", "8,64K", "--quick", "--json", "-"],
            environment: peers.environment)
        #expect(result.end == .exited(code: 0), "\(result.output)")
        let report = try report(result.output)
        #expect(report.isComplete)
        #expect(report.rows.count == 3 * 2 * 2)
        #expect(report.contenders.map(\.name) == ["memcpy", "flexmig", "flexmig-tensor"])
        for row in report.rows {
            #expect(row.outcome == .ok && row.samples == 4, "\(row)")
            #expect((row.medianNanoseconds ?? 0) > 0 && (row.percentOfCopyLimit ?? 0) > 0, "\(row)")
        }
        #expect(try peers.leftNothing())
    }

    /// Every operation and type, with results that the ranks check.
    @Test(arguments: ["2", "3"]) func everyOperation(ranks: String) throws {
        let peers = try FakePeers()
        let result = try Flexmig.run(
            [
                "bench", "collectives", "--ranks", ranks, "--sizes", "1,4K", "--op", "all", "--type", "all", "--quick",
                "--rounds", "1", "--batch-time", "0.0001", "--csv", "-",
            ], environment: peers.environment)
        #expect(result.end == .exited(code: 0), "\(result.output)")
        let rows = result.output.split(separator: "\n").filter { $0.contains(",ok,") }
        // Nine operations with three contenders and a barrier with two.
        #expect(rows.count == 9 * 7 * 2 * 2 * 3 + 2 * 2)
    }

    @Test func turnsAreInterleaved() throws {
        let peers = try FakePeers()
        try peers.add("one", .answers)
        try peers.add("two", .answers)
        let result = try peers.run(["--sizes", "8", "--method", "repeat", "--rounds", "6", "--json", "-"])
        #expect(result.end == .exited(code: 0), "\(result.output)")
        let report = try report(result.output)
        let rows = report.rows.filter { ["one", "two"].contains($0.contender) }
        #expect(rows.map(\.medianNanoseconds) == [1000, 1000])
        #expect(rows.map(\.samples) == [12, 12])
        #expect(report.contenders.map(\.version).suffix(2) == ["The one 1.0", "The two 1.0"])
        let own = try #require(report.rows.first { $0.contender == "flexmig" })
        #expect(["one", "two"].contains(own.bestPeer))

        // A turn ends on all ranks before another contender's begins.
        var active: Set<String> = []
        for line in peers.lines() {
            let words = line.split(separator: " ").map(String.init)
            if words[2] == "begin" {
                #expect(active.allSatisfy { $0.hasPrefix(words[0]) }, "\(line) beside \(active)")
                active.insert("\(words[0]) \(words[1])")
            } else {
                active.remove("\(words[0]) \(words[1])")
            }
        }
        // Warm-ups tell the rounds from the calibration, which has none.
        let turns = peers.lines().filter { $0.contains(" 0 begin ") && !$0.contains("repeat 0 ") }.map { $0.prefix(3) }
        let rounds = stride(from: 0, to: turns.count - 1, by: 2).map { "\(turns[$0]) \(turns[$0 + 1])" }
        #expect(rounds.count == 6)
        #expect(Set(rounds) == ["one two", "two one"])
        #expect(try peers.leftNothing())
    }

    @Test(arguments: [
        (FakePeers.Behaviour.dies, "ended"), (.hangs, "gave no answer within 1.0 s"),
        (.failsOnSmallOnes, "wrong result"),
    ])
    func theRunGoesOn(behaviour: FakePeers.Behaviour, reason: String) throws {
        let peers = try FakePeers()
        try peers.add("good", .answers)
        try peers.add("odd", behaviour)
        let result = try peers.run(["--sizes", "8,64K", "--method", "rewrite", "--timeout", "1s", "--json", "-"])
        #expect(result.end == .exited(code: 1), "\(result.output)")
        let report = try report(result.output)
        #expect(report.rows.count == 2 * 5)
        for row in report.rows where row.contender != "odd" { #expect(row.outcome == .ok, "\(row)") }
        let odd = report.rows.filter { $0.contender == "odd" }
        #expect(odd.first?.outcome == .failed)
        #expect(odd.first?.reason?.contains(reason) == true, "\(odd)")
        #expect(odd.last?.outcome == (behaviour == .failsOnSmallOnes ? .unsupported : .failed))
        #expect(try peers.leftNothing())
    }

    @Test(arguments: [
        ("echo no licence; exit 7", "ended with exit code 7 at its start: no licence"),
        ("exec sleep 1000", "did not start"),
    ])
    func peersThatDoNotStart(script: String, reason: String) throws {
        let peers = try FakePeers()
        try peers.add("odd", script: script)
        let result = try peers.run(["--sizes", "8", "--method", "repeat", "--timeout", "1s"])
        #expect(result.end == .exited(code: 1))
        #expect(result.output.contains("odd failed: "))
        #expect(result.output.contains(reason), "\(result.output)")
        #expect(try peers.leftNothing())
    }

    /// It may have been the size: the next line finds the peer alive again.
    @Test func aLostPeerComesBack() throws {
        let peers = try FakePeers()
        try peers.add("odd", .diesOnSmallOnes)
        let result = try peers.run(["--sizes", "8,64K", "--method", "repeat", "--json", "-"])
        #expect(result.end == .exited(code: 1), "\(result.output)")
        let odd = try report(result.output).rows.filter { $0.contender == "odd" }
        #expect(odd.map(\.outcome) == [.failed, .ok], "\(odd)")
        #expect(try peers.leftNothing())
    }

    @Test(arguments: [Signal.interrupt, .terminate]) func signalsEndEverything(signal: Signal) throws {
        let peers = try FakePeers()
        try peers.add("odd", .hangs)
        let program = try LineProgram(
            "flexmig", ["bench", "collectives", "--quick", "--sizes", "8", "--against", "odd"],
            environment: peers.environment)
        let deadline = ContinuousClock.now + .seconds(60)
        while peers.lines().count < 2, ContinuousClock.now < deadline { pause(for: .milliseconds(5)) }
        try program.process.send(signal)
        #expect(try program.waitUntilEnd() == .exited(code: 128 + Int(signal.rawValue)))
        #expect(try peers.leftNothing())
    }

    @Test func files() throws {
        let peers = try FakePeers()
        let folder = try TemporaryDirectory()
        let result = try Flexmig.run(
            [
                "bench", "collectives", "--sizes", "64", "--quick", "--csv", folder.path("rows.csv"), "--json",
                folder.path("all.json"), "--plot", folder.path("times.svg"),
            ], environment: peers.environment)
        #expect(result.end == .exited(code: 0), "\(result.output)")
        #expect(result.output.contains("# allreduce float32, 2 ranks, repeat"))
        #expect(try Files.names(in: folder.path) == ["all.json", "rows.csv", "times.svg"])
        #expect(try report(Files.readText(folder.path("all.json"))).rows.count == 6)
    }

    // MARK: Arguments

    @Test(arguments: [
        (["--sizes", "8x"], "--sizes: \"8x\" is not a number of bytes"), (["--ranks", "1"], "from 2 to 16"),
        (["--ranks", "2,"], "\"\" is not a number"), (["--op", "add"], "\"add\" is not one of allreduce,"),
        (["--type", "int4"], "\"int4\" is not one of float32,"),
        (["--method", ""], "\"\" is not one of repeat, rewrite"),
        (["--factor", "1"], "--factor must be at least 2"), (["--rounds", "0"], "--rounds must be 1 to 1000"),
        (["--timeout", "0"], "--timeout must be more than 0"), (["--csv", "-", "--json", "-"], "exclude each other"),
        (["--csv", "x", "--plot", "x"], "Two of --csv, --json and --plot would write x"),
        (["--plot", "-"], "--plot needs a file"),
    ])
    func wrongArguments(arguments: [String], message: String) throws {
        let result = try Flexmig.run(["bench", "collectives"] + arguments)
        #expect(result.end == .exited(code: 64))
        #expect(result.output.contains(message), "\(result.output)")
    }

    @Test func missingPeers() throws {
        let peers = try FakePeers()
        try peers.add("one", .answers)
        for option in ["two", "one,two,"] {
            let result = try Flexmig.run(
                ["bench", "collectives", "--peers", peers.directory.path, "--against", option])
            #expect(result.end == .exited(code: 69))
            #expect(result.output.contains("installed: one"), "\(result.output)")
            #expect(result.output.contains("scripts/install-peers two"), "\(result.output)")
        }
    }

    @Test func tooMuchMemory() throws {
        let result = try Flexmig.run(["bench", "collectives", "--sizes", "1024G"])
        #expect(result.end == .exited(code: 69))
        #expect(result.output.contains("MiB of memory"))
    }

    @Test func placesThatCannotBeWritten() throws {
        let result = try Flexmig.run(["bench", "collectives", "--csv", "/nowhere/rows.csv"])
        #expect(result.end == .exited(code: 74))
    }
}
