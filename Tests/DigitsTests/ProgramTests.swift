import DigitsModel
import Foundation
import Platform
import Testing

/// The built program, as a user starts it: alone, and as the ranks of a job.
@Suite(.serialized) struct ProgramTests {
    private struct Run {
        var outputs: [String]
        var ends: [ProcessEnd]
        var report: TrainingReport?
    }

    /// Starts the ranks at the same time and waits for all of them.
    ///
    /// - Parameter extra: variables of each rank, over those of the rendezvous.
    private func run(
        _ arguments: [String], ranks: Int = 1, extra: (Int) -> [String: String] = { _ in [:] }
    ) throws -> Run {
        let executable = try Files.executableDirectory() + "/digits-training"
        let prefix = "flexmig-test-\(randomToken(bytes: 6))"
        let directory = FileManager.default.temporaryDirectory.path
        let report = "\(directory)/\(prefix).json"
        var children: [ProcessID] = []
        for rank in 0..<ranks {
            var variables = ["FLEXMIG_TIMEOUT": "60"]
            if ranks > 1 {
                variables.merge(["RANK": "\(rank)", "WORLD_SIZE": "\(ranks)", "FLEXMIG_RENDEZVOUS": prefix]) { $1 }
            }
            var child = ChildProcess(
                executable: executable, arguments: ["digits-training", "--report", report] + arguments,
                environment: variables.merging(extra(rank)) { $1 })
            // Files and not pipes: nobody has to read while the ranks run.
            let output = try Descriptor.open("\(directory)/\(prefix).\(rank)", [.writeOnly, .create, .truncate])
            child.descriptors = [(ours: output.number, childs: 1), (ours: output.number, childs: 2)]
            children.append(try child.spawn())
        }
        let ends = try children.map { try waitForEnd(of: $0) }
        let outputs = try (0..<ranks).map { try Files.readText("\(directory)/\(prefix).\($0)") }
        let written = Files.exists(report) ? Data(try Files.read(report)) : nil
        for rank in 0..<ranks { try Files.remove("\(directory)/\(prefix).\(rank)") }
        try Files.remove(report)
        #expect(SharedMemoryName.all(withPrefix: prefix).isEmpty)
        return Run(
            outputs: outputs, ends: ends,
            report: try written.map { try JSONDecoder().decode(TrainingReport.self, from: $0) })
    }

    @Test func oneRankLearnsTheDigitsInTime() throws {
        let run = try run([])
        let report = try #require(run.report)
        #expect(report.worldSize == 1)
        #expect(report.epochs.count == 40)
        #expect((report.epochs.last?.accuracy ?? 0) >= 0.95)
        #expect(report.seconds < 10)
        let lines = run.outputs[0].split(separator: "\n")
        #expect(lines.count == 41)
        #expect(lines[0].wholeMatch(of: /epoch 1\/40  loss [0-9]\.[0-9]{4}  accuracy [0-9]{2}\.[0-9] %/) != nil)
        #expect(lines[40] == "weights of rank 0: \(report.digests[0])")
    }

    @Test func anyNumberOfRanksLearnsTheSame() throws {
        let alone = try #require(try run([]).report)
        for ranks in [2, 4, 7] {
            let run = try run([], ranks: ranks)
            #expect(run.ends.allSatisfy { $0 == .exited(code: 0) }, "\(run.outputs)")
            let report = try #require(run.report)
            #expect(report.worldSize == ranks)
            #expect(report.digests == [String](repeating: report.digests[0], count: ranks))
            #expect(report.shares == [Double](repeating: 1 / Double(ranks), count: ranks))
            for (epoch, single) in zip(report.epochs, alone.epochs) {
                #expect(abs(epoch.loss - single.loss) < 1e-3, "epoch \(epoch.epoch) of \(ranks) ranks")
            }
            #expect((report.epochs.last?.accuracy ?? 0) >= 0.95)
            // Only rank 0 talks.
            #expect(run.outputs[1...].allSatisfy { $0.isEmpty })
        }
    }

    @Test func unequalLeavesShareTheWorkAndLearnTheSame() throws {
        let alone = try #require(try run(["--epochs", "5"]).report)
        let shares = ["0.5", "0.3", "0.2"]
        let run = try run(["--epochs", "5"], ranks: 3) {
            [RankShare.variable: shares[$0], "CUDA_VISIBLE_DEVICES": "MIG-\($0)"]
        }
        let report = try #require(run.report)
        #expect(report.shares == [0.5, 0.3, 0.2])
        #expect(report.leaves == ["MIG-0", "MIG-1", "MIG-2"])
        #expect(Set(report.digests).count == 1)
        for (epoch, single) in zip(report.epochs, alone.epochs) { #expect(abs(epoch.loss - single.loss) < 1e-3) }
    }

    @Test func theSameSeedGivesTheSameWeights() throws {
        let digests = try [1, 1, 2].map { try run(["--epochs", "2", "--seed", "\($0)"]).report?.digests }
        #expect(digests[0] == digests[1])
        #expect(digests[0] != digests[2])
    }

    @Test func aMissingFileIsNamed() throws {
        let run = try run(["--data", "/nowhere/my.csv"])
        #expect(run.ends == [.exited(code: 1)])
        #expect(run.outputs == ["Error: /nowhere/my.csv: No such file or directory\n"])
    }

    @Test func aBadRowIsNamed() throws {
        let file = "\(FileManager.default.temporaryDirectory.path)/flexmig-\(randomToken(bytes: 6)).csv"
        try Files.replace(file, with: Array("1,2,3\n".utf8))
        let run = try run(["--data", file])
        try Files.remove(file)
        #expect(run.ends == [.exited(code: 1)])
        #expect(run.outputs == ["Error: \(file):1: 3 values; 64 pixels and the class are 65\n"])
    }

    @Test(arguments: [
        (["--epochs", "0"], "--epochs is 0, not 1 to 100000"),
        (["--global-batch", "0"], "--global-batch is 0, not 1 to 1000000"),
        (["--learning-rate", "0"], "--learning-rate is 0.0, not above 0"),
    ])
    func badOptionsAreNamed(arguments: [String], message: String) throws {
        let run = try run(arguments)
        #expect(run.ends == [.exited(code: 64)])
        #expect(run.outputs[0].hasPrefix("Error: \(message)\n"))
    }

    @Test func helpShowsOptionsAndExamples() throws {
        #expect(
            try run(["--help"]).outputs == [
                """
                OVERVIEW: Trains a small network on handwritten digits, on one leaf or on many.

                Each process is one rank: it takes its part of every batch, and the gradients
                are summed over all ranks, so any number of ranks learns the same. Rank, number
                of ranks and meeting point come from the variables that flexmig run and
                torchrun set; without them the process trains alone.

                Examples:
                  digits-training
                  flexmig run --leaves 4 -- digits-training --report report.json
                  flexmig run --leaves 7 -- digits-training --epochs 60 --learning-rate 0.1

                USAGE: digits-training [--epochs <epochs>] [--global-batch <global-batch>] [--learning-rate <learning-rate>] [--seed <seed>] [--data <file>] [--report <file>]

                OPTIONS:
                  --epochs <epochs>       Passes over the training digits. (default: 40)
                  --global-batch <global-batch>
                                          Digits per step, over all ranks together. (default:
                                          64)
                  --learning-rate <learning-rate>
                                          Length of a step along the gradient. (default: 0.2)
                  --seed <seed>           Seed of the first weights and of the order of the
                                          digits. (default: 1)
                  --data <file>           Lines of 64 pixels (0 to 16) and a class (0 to 9),
                                          with commas. (default: the UCI digits)
                  --report <file>         Where rank 0 writes losses, times and digests as JSON.
                  -h, --help              Show help information.


                """
            ])
    }
}
