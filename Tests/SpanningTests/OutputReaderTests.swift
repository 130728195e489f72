import Spanning
import SpanningBenchmark
import Testing

struct OutputReaderTests {
    @Test func aJobsOutput() {
        var reader = OutputReader(leaves: 2)
        for line in [
            "[rank 0] loss 3", "[rank 1] FLEXMIG_STEP seconds=0.2", "[rank 0] FLEXMIG_STEP seconds=0.1",
            "[rank 0] FLEXMIG_STEP seconds=0.3", "[rank 0] flexmig: rank 0: 5 x allreduce, 20 bytes (inline 5)",
            "[rank 0] flexmig: rank 0: waited for rank 1 1500 us, rank 2 500 us",
            "[rank 1] flexmig: rank 1: waited for rank 0 3.5 us", "flexmig: runtime nccl: x",
        ] { reader.read(line) }
        #expect(reader.samples.markers[0]?.map(\.seconds) == [0.1, 0.3])
        #expect(reader.samples.markers[1]?.map(\.seconds) == [0.2])
        #expect(reader.samples.waited == [0: 0.002, 1: 3.5e-6])
        #expect(reader.lastLines == ["[rank 0] loss 3", "flexmig: runtime nccl: x"])
        #expect(reader.problem == nil)
    }

    /// A communicator numbers its own ranks: those of a group of the job's ranks 2 and 3 are 0 and 1.
    @Test func severalCommunicators() {
        var reader = OutputReader(leaves: 4)
        for line in [
            "[rank 2] flexmig: rank 0: waited for rank 1 9000 us",
            "[rank 3] flexmig: rank 1: waited for rank 0 5000 us",
            "[rank 0] flexmig: rank 0: waited for rank 1 100 us, rank 3 20 us",
            "[rank 1] flexmig: rank 1: waited for rank 0 200 us", "[rank 2] flexmig: rank 2: waited for rank 0 300 us",
            "[rank 3] flexmig: rank 3: waited for rank 0 400 us",
        ] { reader.read(line) }
        #expect(reader.samples.waited == [0: 0.00012, 1: 0.0002, 2: 0.009, 3: 0.005])
    }

    /// Without heads one communicator's ranks are the job's; with a second one nobody knows.
    @Test func communicatorsWithoutRanks() {
        var reader = OutputReader(leaves: 2)
        for rank in 0...1 { reader.read("flexmig: rank \(rank): waited for rank \(1 - rank) 500 us") }
        #expect(reader.samples.waited == [0: 0.0005, 1: 0.0005])
        for rank in 0...1 { reader.read("flexmig: rank \(rank): waited for rank \(1 - rank) 100 us") }
        #expect(reader.samples.waited == [:])
    }

    /// Only what tells of itself is known to be in use.
    @Test(
        arguments: [
            (["flexmig: runtime nccl-plugin: NCCL 2.29.7", "loss 3"], []),
            (["flexmig: rank 0/2 joined flexmig-17-5d0c-0: stage 8 bytes a rank"], ["flexmig"]),
            (["flexmig: connected to flexmig-17-nccl-5d0c, parts of 8 bytes"], ["nccl-plugin"]),
            (["flexmig: rank 0/2 joined flexmig-17-nccl-5d0c-0: stage 8 bytes a rank"], ["nccl-plugin"]),
            (
                ["flexmig: connected to flexmig-nccl-5d0c, parts of 8 bytes", "flexmig: rank 1/2 joined a-0: x"],
                ["flexmig", "nccl-plugin"]
            ),
        ] as [([String], [String])])
    func runtimes(lines: [String], runtimes: [String]) {
        var reader = OutputReader(leaves: 2)
        for line in lines { reader.read("[rank 1] " + line) }
        #expect(reader.samples.runtimes.sorted() == runtimes)
    }

    /// Ranks that another launcher has started have no head on their lines.
    @Test func withoutRanks() {
        var reader = OutputReader(leaves: 1)
        for line in ["[rank x] a", "FLEXMIG_STEP seconds=1", "[rank 0] FLEXMIG_STEP seconds=no", "FLEXMIG_STEP"] {
            reader.read(line)
        }
        #expect(reader.samples.markers[0]?.count == 1)
        #expect(reader.problem?.description.contains("no number") == true)
    }

    /// A progress bar of one rank before the marker of another one, in pieces as a pipe gives them.
    @Test(arguments: [1, 7, 1000]) func carriageReturnsEndLines(piece: Int) {
        let output = Array(
            ("[rank 0] 10 %\r[rank 0] 20 %\r[rank 1] FLEXMIG_STEP seconds=0.5\r\n[rank 0] 30 %\r"
                + "[rank 0] flexmig: rank 0: waited for rank 1 500 us\n\n[rank 1] FLEXMIG_STEP seconds=0.7\n[rank 0] no end")
                .utf8)
        var reader = OutputReader(leaves: 2)
        for start in stride(from: 0, to: output.count, by: piece) {
            reader.add(Array(output[start..<min(start + piece, output.count)]))
        }
        #expect(reader.samples.markers.mapValues { $0.map(\.seconds) } == [1: [0.5, 0.7]])
        #expect(reader.samples.waited == [0: 0.0005])
        #expect(reader.lastLines == ["[rank 0] 10 %", "[rank 0] 20 %", "[rank 0] 30 %"])
    }

    @Test func onlyTheLastLinesStay() {
        var reader = OutputReader(leaves: 1)
        for number in 0..<100 { reader.read("line \(number)") }
        #expect(reader.lastLines.first == "line 90" && reader.lastLines.count == 10)
    }
}
