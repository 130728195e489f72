import Platform

/// SplitMix64: a random sequence that is the same in every run with the same seed.
///
/// Tests name the seed in their messages. `FLEXMIG_TEST_SEED` sets another one.
public struct SplitMix: RandomNumberGenerator {
    public let seed: UInt64
    private var state: UInt64

    public init(seed: UInt64) {
        self.seed = Environment.value("FLEXMIG_TEST_SEED").flatMap { UInt64($0) } ?? seed
        state = self.seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
