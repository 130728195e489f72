import DigitsModel
import Testing

struct PerceptronTests {
    /// A digit whose pixels are random, some of them black.
    private func digit(_ seed: UInt64) -> ArraySlice<Float> {
        var generator = SeededGenerator(seed: seed)
        return (0..<64).map { _ in max(0, Float.random(in: -0.5...1, using: &generator)) }[...]
    }

    @Test func theGradientIsTheSlopeOfTheLoss() {
        let pixels = digit(7)
        let model = Perceptron(seed: 3)
        var gradient = [Float](repeating: 0, count: Perceptron.parameterCount)
        _ = model.addGradient(of: pixels, class: 4, to: &gradient)
        // Parameters of all four kinds; one at a time is moved by descending along a gradient of one entry.
        let kinds = [5 * 64 + 1, 40 * 64 + 63, 4096 + 2, 4160 + 4 * 64 + 9, 4160 + 7 * 64, 4800 + 4, 4809]
        for index in kinds {
            let step: Float = 1e-2
            let losses = [step, -step].map { distance in
                var one = [Float](repeating: 0, count: Perceptron.parameterCount)
                one[index] = -1
                var moved = model
                moved.descend(one, rate: distance)
                var ignored = one
                return moved.addGradient(of: pixels, class: 4, to: &ignored)
            }
            let slope = (losses[0] - losses[1]) / (2 * step)
            #expect(abs(slope - gradient[index]) < 1e-3, "parameter \(index)")
        }
    }

    @Test func gradientsAddUp() {
        let model = Perceptron(seed: 3)
        var once = [Float](repeating: 0, count: Perceptron.parameterCount + 1)
        _ = model.addGradient(of: digit(1), class: 0, to: &once)
        var twice = once
        _ = model.addGradient(of: digit(1), class: 0, to: &twice)
        for index in once.indices { #expect(abs(twice[index] - 2 * once[index]) < 1e-5) }
        #expect(twice.last == 0)
    }

    @Test func theSameSeedGivesTheSameBits() {
        #expect(Perceptron(seed: 1).digest == Perceptron(seed: 1).digest)
        #expect(Perceptron(seed: 1).digest != Perceptron(seed: 2).digest)
    }

    @Test func theDigestSeesASingleBit() {
        var model = Perceptron(seed: 1)
        let before = model.digest
        var gradient = [Float](repeating: 0, count: Perceptron.parameterCount)
        gradient[4809] = -Float.leastNonzeroMagnitude
        model.descend(gradient, rate: 1)
        #expect(model.digest != before)
    }
}
