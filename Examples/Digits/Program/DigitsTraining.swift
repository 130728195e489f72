import ArgumentParser
import Collectives
import DigitsModel
import Platform
import SimulatedDriver

@main struct DigitsTraining: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digits-training",
        abstract: "Trains a small network on handwritten digits, on one leaf or on many.",
        discussion: """
            Each process is one rank: it takes its part of every batch, and the gradients are summed over all ranks, so \
            any number of ranks learns the same. Rank, number of ranks and meeting point come from the variables that \
            flexmig run and torchrun set; without them the process trains alone.

            Examples:
              digits-training
              flexmig run --leaves 4 -- digits-training --report report.json
              flexmig run --leaves 7 -- digits-training --epochs 60 --learning-rate 0.1
            """)

    @Option(help: "Passes over the training digits.")
    var epochs = Training().epochs

    @Option(help: "Digits per step, over all ranks together.")
    var globalBatch = Training().globalBatch

    @Option(help: "Length of a step along the gradient.")
    var learningRate = Training().learningRate

    @Option(help: "Seed of the first weights and of the order of the digits.")
    var seed = Training().seed

    @Option(
        help: ArgumentHelp(
            "Lines of 64 pixels (0 to 16) and a class (0 to 9), with commas. (default: the UCI digits)",
            valueName: "file"))
    var data: String?

    @Option(help: ArgumentHelp("Where rank 0 writes losses, times and digests as JSON.", valueName: "file"))
    var report: String?

    func validate() throws {
        guard (1...100_000).contains(epochs) else { throw ValidationError("--epochs is \(epochs), not 1 to 100000") }
        guard (1...1_000_000).contains(globalBatch) else {
            throw ValidationError("--global-batch is \(globalBatch), not 1 to 1000000")
        }
        guard learningRate > 0, learningRate.isFinite else {
            throw ValidationError("--learning-rate is \(learningRate), not above 0")
        }
    }

    func run() throws {
        // As a CUDA program would: first the device, which shows this process on its leaf, then the other ranks.
        let context = try SimulatedContext.openIfSimulated()
        defer { context?.close() }
        let digits = try readDigits()
        let communicator = try Communicator()
        defer { communicator.close() }

        var training = Training()
        training.epochs = epochs
        training.globalBatch = globalBatch
        training.learningRate = learningRate
        training.seed = seed
        let share = try RankShare.parse(Environment.value(RankShare.variable), ranks: communicator.size)
        var results: [Training.Epoch] = []
        // `flexmig measure` asks for a line after each step.
        let isMeasured = Environment.value("FLEXMIG_MEASURE") == "1"
        let model = try training.run(on: digits, over: communicator, share: share) { epoch in
            results.append(epoch)
            if communicator.rank == 0 { say(line(epoch)) }
        } afterStep: { step, communication, digits in
            guard isMeasured else { return }
            say(
                "FLEXMIG_STEP seconds=\(step / .seconds(1)) communication=\(communication / .seconds(1)) samples=\(digits)"
            )
        }

        // Int64, because that is what collectives carry; only the bits matter.
        let digests = try communicator.allGather([Int64(bitPattern: model.digest)]).map { UInt64(bitPattern: $0) }
        let outcome = TrainingReport(
            training, leaves: try gatherLeaves(communicator), shares: try communicator.allGather([share]),
            epochs: results, digests: digests)
        if communicator.rank == 0 {
            for (rank, digest) in outcome.digests.enumerated() { say("weights of rank \(rank): \(digest)") }
            if let report { try write(outcome, to: report) }
        }
        guard outcome.isUniform else {
            throw DifferentWeights(digests: outcome.digests)
        }
    }
}

/// The ranks should hold the same weights and do not: an error of the collectives or of the machine.
private struct DifferentWeights: Error, CustomStringConvertible {
    let digests: [String]
    var description: String { "the ranks ended with different weights: \(digests.joined(separator: " "))" }
}
