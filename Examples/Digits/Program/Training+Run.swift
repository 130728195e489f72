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
    /// - Parameter afterStep: called on every rank with the time of a step, and that of its communication.
    /// - Throws: what a collective throws.
    func run(
        on digits: DigitSet, over communicator: Communicator, share: Double, afterEpoch: (Epoch) -> Void,
        afterStep: (_ step: Duration, _ communication: Duration, _ digits: Int) -> Void = { _, _, _ in }
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
                let before = ContinuousClock.now
                let (stepLoss, communication) = try step(&model, on: training, batch, shares, communicator)
                loss += stepLoss
                afterStep(before.duration(to: .now), communication, batch.count)
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

    /// One step on one batch; returns the sum of the losses of its digits, over all ranks, and the time of its
    /// communication.
    private func step(
        _ model: inout Perceptron, on digits: DigitSet, _ batch: ArraySlice<Int>, _ shares: [Double],
        _ communicator: Communicator
    ) throws(CollectiveError) -> (loss: Double, communication: Duration) {
        // The loss goes along behind the gradient: one collective a step.
        var sums = [Float](repeating: 0, count: Perceptron.parameterCount + 1)
        let own = RankShare.range(of: communicator.rank, in: batch.count, by: shares)
        for digit in batch.dropFirst(own.lowerBound).prefix(own.count) {
            sums[Perceptron.parameterCount] +=
                model.addGradient(of: digits.pixels(of: digit), class: digits.classes[digit], to: &sums)
        }
        let before = ContinuousClock.now
        try communicator.allReduce(&sums, .sum)
        let communication = before.duration(to: .now)
        model.descend(sums, rate: learningRate / Float(batch.count))
        return (Double(sums[Perceptron.parameterCount]), communication)
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
