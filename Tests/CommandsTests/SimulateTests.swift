import Foundation
import Platform
import TestSupport
import Testing

/// `flexmig trace`, `simulate` and `advise`, as users run them.
struct SimulateTests {
    private static let small = [
        "--generate", "uniform", "--jobs", "60", "--gpus", "a100-40gb:2", "--models",
        "whole,static,partial,fixed,hybrid",
    ]

    @Test func theSameCommandGivesTheSameBytes() throws {
        let folder = try TemporaryDirectory().path
        var before: [[UInt8]] = []
        for _ in 1...2 {
            let run = try Flexmig.run(["simulate"] + Self.small + ["--seeds", "2", "--out", "\(folder)/out"])
            #expect(run.end == .exited(code: 0), "\(run.output)")
            let files = try ["index.html", "runs.csv", "summary.csv", "pairs.csv", "timeline.csv", "report.json"].map {
                try Files.read("\(folder)/out/\($0)")
            }
            if !before.isEmpty { #expect(files == before) }
            before = files
        }
        #expect(before.allSatisfy { $0.count > 200 })
        #expect(try Files.names(in: "\(folder)/out").count == 6)
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(before[5])) }
    }

    @Test func aTraceFromFileToAdvice() throws {
        let folder = try TemporaryDirectory().path
        let file = "\(folder)/jobs.csv"
        #expect(
            try Flexmig.run([
                "trace", "generate", "--mix", "skew-big", "--gpus", "2", "--jobs", "80", "--output", file,
            ]).end == .exited(code: 0))
        let facts = try Flexmig.run(["trace", "inspect", "--json", file]).output
        #expect(facts.contains("\"jobs\": 80"))
        let converted = try Flexmig.run(["trace", "convert", file, "--output", "\(folder)/again.csv"])
        #expect(converted.end == .exited(code: 0))
        #expect(try Files.read(file) == Files.read("\(folder)/again.csv"))
        let advice = try Flexmig.run(["advise", "--trace", file, "--mapping", "f-ceil", "--gpus", "a100-40gb:2"])
        #expect(advice.end == .exited(code: 0), "\(advice.output)")
        #expect(advice.output.contains("Recommended: "))
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let text: String
        let words: [String]
    }

    private static let header = "job_id,submit_s,gpus,gpu_milli,duration_s,tenant\n"

    private static let files = [
        Refused(testDescription: "empty", text: "", words: ["empty"]),
        Refused(testDescription: "no jobs", text: header, words: ["no jobs"]),
        Refused(testDescription: "no table", text: "\u{1}\u{2}\u{3}", words: ["no text"]),
        Refused(
            testDescription: "bad row", text: header + "a,0,1,0,nan,t\n",
            words: ["line 2, column duration_s", "not a finite number", "--strict"]),
        Refused(testDescription: "cut gzip", text: "\u{1F}", words: ["bad.csv"]),
    ]

    @Test(arguments: files) func badFiles(bad: Refused) throws {
        let folder = try TemporaryDirectory().path
        try Files.replace("\(folder)/bad.csv", with: Array(bad.text.utf8))
        for command in [
            ["trace", "inspect", "--strict"],
            ["simulate", "--strict", "--mapping", "w-slice", "--gpus", "a100-40gb:1", "--trace"],
        ] {
            let run = try Flexmig.run(command + ["\(folder)/bad.csv"])
            #expect(run.end == .exited(code: 65), "\(run.output)")
            for word in bad.words + ["bad.csv"] { #expect(run.output.contains(word), "\(run.output)") }
        }
    }

    private static let usage: [(flags: [String], word: String)] = [
        (["--gpus", "a100-40gb:0", "--generate", "uniform"], "1 or more"),
        (["--gpus", "a100-40gb:1"], "--trace FILE or --generate"),
        (["--gpus", "a100-40gb:1", "--trace", "x", "--generate", "uniform"], "--trace FILE or --generate"),
        (["--gpus", "a100-40gb:1", "--trace", "x"], "--mapping"),
        (["--gpus", "a100-40gb:1", "--trace", "x", "--mapping", "w-slice", "--load", "2"], "--load"),
        (["--gpus", "a100-40gb:1", "--generate", "uniform", "--window", "0:+1d"], "--window"),
        (["--gpus", "a100-40gb:1", "--generate", "uniform", "--models", "best"], "best"),
        (["--gpus", "a100-40gb:1", "--generate", "uniform", "--models", "static:5+2"], "no 5g"),
        (["--gpus", "a100-40gb:1", "--generate", "uniform", "--models", "static:4+4"], "no full layout"),
        (["--gpus", "a100-40gb:1", "--generate", "uniform", "--models", "whole,whole"], "twice"),
        (["--gpus", "a100-40gb:1", "--generate", "uniform", "--queue", "lifo"], "lifo"),
        (["--gpus", "a100-40gb:1", "--generate", "uniform", "--seeds", "0"], "--seeds"),
        (["--gpus", "a100-40gb:1", "--generate", "uniform", "--overlap", "1.5"], "--overlap"),
        (["--gpus", "a100-40gb:1", "--generate", "uniform", "--link-gb", "nan"], "--link-gb"),
        (["--gpus", "a100-40gb:1", "--generate", "uniform", "--estimates", "0.5"], "--estimates"),
        (["--gpus", "a100-40gb:1", "--generate", "uniform", "--spanning-for-all", "x"], "--spanning"),
        (["--gpus", "mi300:1", "--generate", "uniform"], "unknown GPU model"),
        (["--gpus", "a100-40gb:1", "--generate", "uniform", "--jobs", "-5"], "--jobs must be 1 to 100000000"),
        (["--generate", "uniform", "--load", "-1", "--gpus", "a100-40gb:1", "--jobs", "-5"], "--jobs must be 1"),
        (["--gpus", "a100-40gb:1", "--generate", "uniform", "--drain", "-3s"], "'-3s' is invalid for '--drain"),
        (["--gpus", "a100-40gb:1", "--generate", "uniform", "--jobs", "--json"], "Missing value for '--jobs"),
    ]

    @Test(arguments: usage) func contradictions(flags: [String], word: String) throws {
        let run = try Flexmig.run(["simulate"] + flags)
        #expect(run.end == .exited(code: 64), "\(run.output)")
        #expect(run.output.contains(word), "\(run.output)")
    }

    @Test func whatCanNotBeReadOrWritten() throws {
        let missing = try Flexmig.run(["trace", "inspect", "/nowhere/x.csv"])
        #expect(missing.end == .exited(code: 65))
        #expect(missing.output.contains("/nowhere/x.csv"))
        let spanning = try Flexmig.run(["simulate"] + Self.small + ["--spanning", "/nowhere/s.json"])
        #expect(spanning.end == .exited(code: 65))
        #expect(spanning.output.contains("flexmig measure"))
        let out = try Flexmig.run(["simulate"] + Self.small + ["--out", "/proc/x"])
        #expect(out.end == .exited(code: 74), "\(out.output)")
    }

    /// Jobs that no cluster of this size can hold are refused and counted.
    @Test func tooLargeForTheCluster() throws {
        let folder = try TemporaryDirectory().path
        try Files.replace(
            "\(folder)/t.csv", with: Array((Self.header + "a,0,1,0,10,t\nb,1,64,0,10,t\n").utf8))
        let run = try Flexmig.run([
            "simulate", "--trace", "\(folder)/t.csv", "--mapping", "w-whole", "--gpus", "a100-40gb:2", "--models",
            "whole,partial",
        ])
        #expect(run.end == .exited(code: 0), "\(run.output)")
        #expect(run.output.contains("1 job refused, larger than the cluster"))
    }

    /// Where nothing can run there is no table of zeros, and where one model runs nothing, no zeros in its column.
    @Test(arguments: ["simulate", "advise"]) func nothingCanRun(command: String) throws {
        let folder = try TemporaryDirectory().path
        let jobs = [("64", 65), ("2", 0)]
        for (gpus, code) in jobs {
            try Files.replace("\(folder)/t.csv", with: Array((Self.header + "a,0,\(gpus),0,10,t\n").utf8))
            var flags = ["--trace", "\(folder)/t.csv", "--mapping", "w-whole", "--gpus", "a100-40gb:2"]
            if command == "simulate" { flags += ["--models", "whole,static:4+2+1", "--queue", "fifo"] }
            let run = try Flexmig.run([command] + flags)
            #expect(run.end == .exited(code: code), "\(run.output)")
            if code == 0 {
                let dashes = command == "simulate" ? "makespan, h                0.00   -" : "4g+2g+1g              -"
                #expect(run.output.contains(dashes), "\(run.output)")
            } else {
                for word in ["no job can run", "1 job refused, larger than the cluster", "--gpus"] {
                    #expect(run.output.contains(word), "\(run.output)")
                }
                #expect(!run.output.contains("makespan"), "\(run.output)")
            }
        }
    }

    /// Every two models are in pairs.csv, by the jobs that both ran.
    @Test func pairsCompareTheSameJobs() throws {
        let folder = try TemporaryDirectory().path
        let run = try Flexmig.run(
            ["simulate", "--generate", "skew-big", "--jobs", "60", "--gpus", "a100-40gb:2", "--models"]
                + ["static,greedy,migrate,fixed", "--restart", "10s", "--queue", "fifo", "--out", folder])
        #expect(run.end == .exited(code: 0), "\(run.output)")
        #expect(run.output.contains("Simulated, not measured on MIG hardware."))
        #expect(run.output.contains("60 jobs of another draw, for `static`"))
        let rows = try Files.readText("\(folder)/pairs.csv").split(separator: "\n").map { $0.split(separator: ",") }
        #expect(rows.count == 1 + 6)
        var refusedSome = false
        for row in rows.dropFirst() {
            let (both, refused) = (Int(row[4]) ?? -1, (Int(row[5]) ?? -1) + (Int(row[6]) ?? -1))
            #expect(both == 60 - refused, "\(row)")
            refusedSome = refusedSome || (row[1] == "fixed" && refused > 0)
        }
        #expect(refusedSome)
        #expect(try Files.readText("\(folder)/report.json").contains("restart of a moved job"))
    }
}
