import Glibc

/// Random numbers that are the same for the same seed on every machine: SplitMix64.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    /// A stream of its own for a thing with a number, such as a job's row: it does not depend on what else was drawn.
    public init(seed: UInt64, stream: UInt64) {
        state = seed &* 0xD134_2543_DE82_EF95 &+ stream
        state = next()
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    /// From 0 up to, but without 1.
    public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// From 0 up to, but without the limit, which is above 0. Not quite even for limits near 2^53.
    public mutating func below(_ limit: Int) -> Int { min(limit - 1, Int(unit() * Double(limit))) }

    /// Normally distributed, mean 0 and variance 1.
    public mutating func normal() -> Double {
        let radius = (-2 * log(1 - unit())).squareRoot()
        return radius * cos(2 * Double.pi * unit())
    }
}
