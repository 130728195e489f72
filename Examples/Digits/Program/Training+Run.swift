import Collectives
import DigitsModel

extension Training {
    /// Trains a fresh model.
    ///
    /// Each rank takes its part of every batch, the gradients are summed over all ranks, and every rank makes the same
    /// step. So all ranks hold the same weights, bit by bit, all the time.
    ///
    /// - Parameter share: this rank's part of the work, 0 to 1, compared with the others' shares.
    /// - Parameter afterEpoch: called on every rank.
    /// - Throws: what a collective throws.
    func run(
        on digits: DigitSet, over communicator: Communicator, share: Double, afterEpoch: (Epoch) -> Void
    ) throws(CollectiveError) -> Perceptron {
        let (training, heldOut) = digits.split()
        let shares = try communicator.allGather([share])
        var model = Perceptron(seed: seed)
        var generator = SeededGenerator(seed: ~seed)
        var order = Array(0..<training.count)
        for epoch in 1...epochs {
            let beginning = ContinuousClock.now
            // Every rank draws the same order.
            order.shuffle(using: &generator)
            var loss = 0.0
            for start in stride(from: 0, to: order.count, by: globalBatch) {
                let batch = order[start..<min(start + globalBatch, order.count)]
                loss += try step(&model, on: training, batch, shares, communicator)
            }
            let accuracy = try accuracy(of: model, on: heldOut, shares, communicator)
            let time = beginning.duration(to: .now)
            afterEpoch(
                Epoch(
                    epoch: epoch, loss: loss / Double(training.count), accuracy: accuracy,
                    seconds: time / .seconds(1)))
        }
        return model
    }

    /// One step on one batch; returns the sum of the losses of its digits, over all ranks.
    private func step(
        _ model: inout Perceptron, on digits: DigitSet, _ batch: ArraySlice<Int>, _ shares: [Double],
        _ communicator: Communicator
    ) throws(CollectiveError) -> Double {
        // The loss goes along behind the gradient: one collective a step.
        var sums = [Float](repeating: 0, count: Perceptron.parameterCount + 1)
        let own = RankShare.range(of: communicator.rank, in: batch.count, by: shares)
        for digit in batch.dropFirst(own.lowerBound).prefix(own.count) {
            sums[Perceptron.parameterCount] +=
                model.addGradient(of: digits.pixels(of: digit), class: digits.classes[digit], to: &sums)
        }
        try communicator.allReduce(&sums, .sum)
        model.descend(sums, rate: learningRate / Float(batch.count))
        return Double(sums[Perceptron.parameterCount])
    }

    /// The held-out digits are dealt to the ranks as well.
    private func accuracy(
        of model: Perceptron, on digits: DigitSet, _ shares: [Double], _ communicator: Communicator
    ) throws(CollectiveError) -> Double {
        let own = RankShare.range(of: communicator.rank, in: digits.count, by: shares)
        var right: [Int64] = [Int64(own.count { model.classify(digits.pixels(of: $0)) == digits.classes[$0] })]
        try communicator.allReduce(&right, .sum)
        return digits.count == 0 ? 0 : Double(right[0]) / Double(digits.count)
    }
}
