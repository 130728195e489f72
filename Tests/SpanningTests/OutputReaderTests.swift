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

    /// Ranks that another launcher has started have no head on their lines.
    @Test func withoutRanks() {
        var reader = OutputReader(leaves: 1)
        for line in ["[rank x] a", "FLEXMIG_STEP seconds=1", "[rank 0] FLEXMIG_STEP seconds=no", "FLEXMIG_STEP"] {
            reader.read(line)
        }
        #expect(reader.samples.markers[0]?.count == 1)
        #expect(reader.problem?.description.contains("no number") == true)
    }

    @Test func onlyTheLastLinesStay() {
        var reader = OutputReader(leaves: 1)
        for number in 0..<100 { reader.read("line \(number)") }
        #expect(reader.lastLines.first == "line 90" && reader.lastLines.count == 10)
    }
}
