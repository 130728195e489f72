import CollectiveBenchmark
import Testing

struct MeasureProtocolTests {
    @Test func commandsComeBack() throws {
        for word in BenchmarkOperation.allCases.map(\.rawValue) + ["memcpy", "memcpy-streaming"] {
            let line = "measure \(word) bfloat16 1024 rewrite 2 4 100"
            #expect(try MeasureCommand(line: line).line == line)
        }
    }

    @Test(arguments: [
        "", "quit", "measure", "measure allreduce float32 8 repeat 1 1", "measure allreduce float32 8 repeat 1 1 1 1",
        "measure add float32 8 repeat 1 1 1", "measure allreduce float 8 repeat 1 1 1",
        "measure allreduce float32 x repeat 1 1 1", "measure allreduce float32 8 once 1 1 1",
        "measure allreduce float32 8 repeat -1 1 1", "measure allreduce float32 8 repeat 1 0 1",
        "measure allreduce float32 8 repeat 1 1 0",
    ])
    func nonsense(line: String) {
        #expect(throws: MeasureCommand.Problem.self) { try MeasureCommand(line: line) }
    }

    @Test(arguments: [
        ("ok 1 2.5", MeasureAnswer.samples([1, 2.5])), ("unsupported", .unsupported),
        ("error no memory", .error("no memory")), ("ok", .error("answered \"ok\"")),
        ("ok 1 x", .error("answered \"ok 1 x\"")), ("ok nan", .error("answered \"ok nan\"")),
        ("ok -1", .error("answered \"ok -1\"")), ("hello", .error("answered \"hello\"")), ("", .error("answered \"\"")),
    ])
    func answers(line: String, answer: MeasureAnswer) { #expect(MeasureAnswer(line: line) == answer) }

    @Test func theSlowestRankCounts() {
        let combined = MeasureAnswer.combined([.samples([1, 5]), .samples([2, 3])], batches: 2)
        #expect(combined == .samples([2, 5]))
    }

    @Test func ranksMustAgree() {
        #expect(MeasureAnswer.combined([.unsupported, .unsupported], batches: 1) == .unsupported)
        #expect(MeasureAnswer.combined([.samples([1]), .unsupported], batches: 1) == .error("1 of 2 ranks lack it"))
        #expect(MeasureAnswer.combined([.samples([1]), .error("no")], batches: 1) == .error("rank 1: no"))
        #expect(
            MeasureAnswer.combined([.samples([1, 2]), .samples([1])], batches: 2)
                == .error("rank 1: 1 samples instead of 2"))
    }
}
