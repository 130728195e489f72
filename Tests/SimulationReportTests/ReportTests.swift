import ClusterSimulation
import SimulationReport
import Testing
import Traces

struct ReportTests {
    private func content() -> ReportContent {
        let workload = Workload(
            jobs: (0..<3).map { Job(number: $0, arrival: Double($0), duration: 2, slices: 1) },
            ids: ["a</script>", "b\"", "c&d"])
        var record = SimulationRecord(
            model: "fixed, \"thin\"", queue: "fifo",
            outcomes: (0..<3).map {
                JobOutcome(start: Double($0), end: Double($0) + 2, leaves: 1, heldSlices: 1, gpus: 1)
            })
        record.timeline = [
            TimelineSample(
                time: 0, queued: 0, running: 1, usedSlices: 1, heldSlices: 1, unusableSlices: 0.25, drainedGPUs: 0)
        ]
        record.occupancy = (0..<3).map {
            Occupancy(job: $0, gpu: 0, start: $0, size: 1, slices: 1, from: Double($0), to: Double($0) + 2)
        }
        let metrics = (1...2).map { RunMetrics(record, of: workload, slices: 7, bound: 2, seed: $0) }
        return ReportContent(
            title: "A <title>", command: "flexmig simulate --trace 'a b'", version: "1", cluster: "a100-40gb:1",
            gpus: 1,
            slices: 7, parameters: [.init("drain", "180s", source: "--drain")], assumptions: ["An assumption."],
            account: ["3 rows"], metrics: metrics, pictures: [RunPicture(record, of: workload)])
    }

    @Test func thePageNeedsNothingElse() {
        let page = content().page
        for outside in ["http://", "https://", "src=", "@import", "url("] {
            #expect(!page.contains(outside), "\(outside)")
        }
        // Names of jobs can't end the script or begin an element.
        #expect(page.components("</script>") == 2)
        #expect(page.contains("A &lt;title&gt;"))
        #expect(page.contains("flexmig simulate --trace 'a b'"))
        for part in ["An assumption.", "180s", "--drain", "3 rows"] { #expect(page.contains(part)) }
    }

    @Test func theSameContentGivesTheSameBytes() {
        #expect(content().page == content().page)
        #expect(content().json.written() == content().json.written())
    }

    @Test func tablesHaveOneWidth() {
        for text in [content().runsCSV, content().summaryCSV, content().timelineCSV] {
            let lines = text.split(separator: "\n")
            #expect(lines.count > 1)
            // Quoted names have commas of their own.
            let widths = Set(
                lines.map { line in
                    var isQuoted = false
                    return line.reduce(1) { count, character in
                        if character == "\"" { isQuoted.toggle() }
                        return character == "," && !isQuoted ? count + 1 : count
                    }
                })
            #expect(widths.count == 1, "\(widths)")
        }
    }

    @Test func jsonIsEscaped() {
        let value = JSONValue.object([
            ("a\"b", .text("x\\y\n\u{1}<é")), ("n", .number(.nan)), ("i", .number(3)), ("d", .number(0.1)),
            ("l", .array([.int(1), .bool(true), .null])), ("e", .array([])),
        ])
        #expect(value.written() == #"{"a\"b":"x\\y\n\u0001\u003cé","n":null,"i":3,"d":0.1,"l":[1,true,null],"e":[]}"#)
        #expect(
            JSONValue.object([("a", .array([.object([("b", .int(1))])]))]).written(isPretty: true)
                == "{\n  \"a\": [\n    {\n      \"b\": 1\n    }\n  ]\n}")
    }
}

extension String {
    fileprivate func components(_ separator: String) -> Int {
        var count = 1
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
