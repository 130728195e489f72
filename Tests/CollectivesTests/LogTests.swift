import Collectives
import Platform
import Testing

extension ProcessTests {
    /// What `FLEXMIG_DEBUG` makes real processes write to their standard error.
    @Suite(.serialized) struct Logging {
        private func run(_ task: [String], level: String, extra: [String: String] = [:]) throws -> RankProcesses {
            let group = RankProcesses()
            try group.start(
                task, of: 2, extra: ["FLEXMIG_DEBUG": level, "FLEXMIG_STAGE_BYTES": "8192"].merging(extra) { $1 },
                withErrors: true)
            try group.finish()
            return group
        }

        @Test func infoTellsHowItBeganAndWhatItDid() throws {
            let group = try run(["calls"], level: "info")
            let segment = RegionLayout(worldSize: 2, stageBytes: 8192).totalBytes
            for (rank, said) in group.ranks.enumerated() {
                #expect(said.end == .exited(code: 0))
                let lines = said.lines.map(String.init)
                let joined =
                    "flexmig: rank \(rank)/2 joined \(group.prefix)-0: stage 8192 bytes a rank, segment \(segment) "
                    + "bytes, reductions with \(VectorUnit.name), timeout 60.0 seconds"
                #expect(lines.first == joined)
                for line in [
                    "1 x barrier, 0 bytes (step 1)",
                    "1 x broadcast, 41 bytes (flat 1)",
                    "4 x all-reduce, 64012 bytes (inline 1, flat 1, staged 1, direct 1)",
                    "1 x send, 7 bytes (staged 1)", "1 x receive, 7 bytes (staged 1)",
                    "2 x allocation of a tensor, 40000 bytes (step 2)",
                ] {
                    #expect(lines.contains("flexmig: rank \(rank): \(line)"), "\(line) in \(said.text)")
                }
                #expect(!said.text.contains(" us\n") || said.text.contains("waited for rank \(1 - rank) "))
            }
        }

        @Test func traceTellsEveryCall() throws {
            let group = try run(["calls"], level: "trace")
            for (rank, said) in group.ranks.enumerated() {
                for call in [
                    "barrier, step", "all-reduce (sum) of 3 Float, inline", "all-reduce (max) of 1000 Float, flat",
                    "all-reduce (mean) of 5000 Double, staged", "allocation of a tensor of 20000 bytes, step",
                    "all-reduce (sum) of 5000 Float, direct", "broadcast of 41 Int8 from rank 1, flat",
                    "send of 7 UInt8, staged", "receive of 7 UInt8, staged",
                ] {
                    let line = said.lines.first { $0.hasPrefix("flexmig: rank \(rank): \(call), ") }
                    #expect(line?.hasSuffix(" us") == true, "\(call) in \(said.text)")
                }
            }
        }

        @Test func infoTellsErrors() throws {
            let group = try run(["mismatch", "1"], level: "info")
            for (rank, said) in group.ranks.enumerated() {
                let line =
                    "flexmig: rank \(rank): error mismatch: the ranks called different collectives: "
                    + "rank 0 all-reduce (sum) of 10 Float, rank 1 broadcast of 10 Float from rank 0"
                #expect(said.lines.contains(line[...]), "\(said.text)")
            }
        }

        @Test func offTellsNothing() throws {
            let group = try run(["calls"], level: "off")
            for said in group.ranks { #expect(said.lines.map { $0.prefix(7) } == ["digest "], "\(said.text)") }
        }

        @Test(arguments: [
            ("FLEXMIG_DEBUG", "loud"), ("FLEXMIG_STAGE_BYTES", "12"), ("FLEXMIG_DEATH_TIMEOUT", "0"),
        ])
        func aWrongValueIsAnErrorOfTheRank(variable: String, value: String) throws {
            let group = try run(["join"], level: "off", extra: [variable: value])
            for said in group.ranks {
                #expect(said.text.hasPrefix("error invalid-environment - \(variable) is \"\(value)\"; allowed "))
            }
        }
    }
}
