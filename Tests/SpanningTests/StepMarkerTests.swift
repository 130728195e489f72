import Spanning
import Testing

struct StepMarkerTests {
    @Test func allFields() throws {
        let marker = try #require(
            try StepMarker(line: "epoch 1 FLEXMIG_STEP seconds=0.5 communication=0.125 samples=64 x=1 y"))
        #expect(marker.seconds == 0.5 && marker.communication == 0.125 && marker.samples == 64)
    }

    @Test func secondsAlone() throws {
        let marker = try #require(try StepMarker(line: "FLEXMIG_STEP seconds=1e-3"))
        #expect(marker.seconds == 0.001 && marker.communication == nil && marker.samples == nil)
    }

    @Test(arguments: ["", "epoch 3 loss 0.1", "flexmig_step seconds=1"]) func otherLines(line: String) throws {
        #expect(try StepMarker(line: line) == nil)
    }

    @Test(arguments: [
        ("FLEXMIG_STEP", "needs seconds="), ("FLEXMIG_STEP seconds=0", "needs seconds="),
        ("FLEXMIG_STEP seconds=fast", "no number"), ("FLEXMIG_STEP seconds=-1", "no number"),
        ("FLEXMIG_STEP seconds=nan", "no number"), ("FLEXMIG_STEP seconds=1 samples=many", "no number"),
        ("FLEXMIG_STEP seconds=1 communication=2", "more communication"),
        ("FLEXMIG_STEP communication=2", "needs seconds="),
    ])
    func wrongOnes(line: String, word: String) {
        let problem = #expect(throws: StepMarker.Problem.self) { try StepMarker(line: line) }
        #expect(problem?.description.contains(word) == true, "\(String(describing: problem))")
    }
}
