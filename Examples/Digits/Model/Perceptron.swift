import Glibc

/// A network of 64 pixels, 64 hidden units and 10 classes.
///
/// All parameters lie in one row, as collectives want them: for each pixel its weights in the hidden units, the hidden
/// units' biases, for each class its weights of the hidden units, the classes' biases. A gradient has the same layout.
public struct Perceptron: Hashable, Sendable {
    public private(set) var parameters: [Float]

    public static let parameterCount = hiddenBias + units + classes * units + classes
    private static let pixels = DigitSet.pixelCount
    private static let units = 64
    private static let classes = DigitSet.classCount
    private static let hiddenBias = pixels * units
    private static let classWeights = hiddenBias + units
    private static let classBias = classWeights + classes * units

    /// Random weights, the same for the same seed.
    public init(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        // He's choice for rectified units: variance 2 / inputs, here with a uniform distribution. Both layers have 64
        // inputs. Biases begin at zero.
        let bound = Float(6.0 / 64.0).squareRoot()
        parameters = (0..<Self.parameterCount).map { _ in .random(in: -bound...bound, using: &generator) }
        for index in Self.hiddenBias..<Self.classWeights { parameters[index] = 0 }
        for index in Self.classBias..<Self.parameterCount { parameters[index] = 0 }
    }

    /// The most likely class of a digit.
    ///
    /// - Parameter pixels: 64 of them.
    public func classify(_ pixels: ArraySlice<Float>) -> Int {
        let scores = scores(of: hidden(pixels))
        return scores.indices.max { scores[$0] < scores[$1] } ?? 0
    }

    /// Adds one digit's gradient of the cross-entropy to a sum.
    ///
    /// - Parameter gradient: at least `parameterCount` long; what follows is left alone.
    /// - Returns: the digit's cross-entropy, in nats.
    public func addGradient(
        of pixels: ArraySlice<Float>, class label: Int, to gradient: inout [Float]
    ) -> Float {
        let hidden = hidden(pixels)
        let scores = scores(of: hidden)
        // The highest score is taken off first: no exponential overflows.
        let highest = scores.max() ?? 0
        let exponentials = scores.map { expf($0 - highest) }
        let total = exponentials.reduce(0, +)

        var hiddenError = [Float](repeating: 0, count: Self.units)
        for index in 0..<Self.classes {
            let error = exponentials[index] / total - (index == label ? 1 : 0)
            let row = Self.classWeights + index * Self.units
            Self.add(error, times: hidden, at: 0, to: &gradient, at: row)
            Self.add(error, times: parameters, at: row, to: &hiddenError, at: 0)
            gradient[Self.classBias + index] += error
        }
        for unit in 0..<Self.units where hidden[unit] <= 0 { hiddenError[unit] = 0 }
        Self.add(1, times: hiddenError, at: 0, to: &gradient, at: Self.hiddenBias)
        for (pixel, brightness) in pixels.enumerated() where brightness != 0 {
            Self.add(brightness, times: hiddenError, at: 0, to: &gradient, at: pixel * Self.units)
        }
        return logf(total) + highest - scores[label]
    }

    /// One step of gradient descent.
    ///
    /// - Parameter gradient: at least `parameterCount` long; what follows is ignored.
    public mutating func descend(_ gradient: [Float], rate: Float) {
        for index in parameters.indices { parameters[index] -= gradient[index] * rate }
    }

    private func hidden(_ pixels: ArraySlice<Float>) -> [Float] {
        var hidden = Array(parameters[Self.hiddenBias..<Self.classWeights])
        for (pixel, brightness) in pixels.enumerated() where brightness != 0 {
            Self.add(brightness, times: parameters, at: pixel * Self.units, to: &hidden, at: 0)
        }
        return hidden.map { max($0, 0) }
    }

    private func scores(of hidden: [Float]) -> [Float] {
        (0..<Self.classes).map { index in
            let row = parameters[(Self.classWeights + index * Self.units)...].prefix(Self.units)
            return zip(hidden, row).reduce(parameters[Self.classBias + index]) { $0 + $1.0 * $1.1 }
        }
    }

    /// `target[at + i] += factor * values[at + i]` for all hidden units: where nearly all of the time goes.
    private static func add(
        _ factor: Float, times values: [Float], at start: Int, to target: inout [Float], at targetStart: Int
    ) {
        precondition(start + units <= values.count && targetStart + units <= target.count)
        // Safe: the line above has checked both ranges, and an array that is changed shares its memory with no other.
        // Without checks inside, the loop is one of vector instructions.
        unsafe values.withUnsafeBufferPointer { values in
            unsafe target.withUnsafeMutableBufferPointer { target in
                for unit in 0..<units { unsafe target[targetStart + unit] += factor * values[start + unit] }
            }
        }
    }
}

extension Perceptron {
    /// FNV-1a over the bits of all parameters, 64 bits: equal on two ranks only if their weights are, bit by bit.
    public var digest: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for value in parameters {
            for shift in stride(from: UInt32(0), to: 32, by: 8) {
                hash = (hash ^ UInt64(value.bitPattern >> shift & 0xff)) &* 0x100_0000_01b3
            }
        }
        return hash
    }
}
