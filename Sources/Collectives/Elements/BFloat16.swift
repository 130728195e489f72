/// The upper half of a `Float`: its sign, its 8 bits of exponent, and 7 bits of fraction. The format of most training
/// on GPUs; Swift has no such type.
public struct BFloat16: Hashable, Sendable, BitwiseCopyable, CustomStringConvertible {
    public var bitPattern: UInt16

    @inlinable public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

    /// The nearest value; of two that are equally near the one with an even last bit. A NaN stays one.
    @inlinable public init(_ value: Float) {
        let bits = value.bitPattern
        if value.isNaN {
            bitPattern = UInt16(truncatingIfNeeded: bits >> 16) | 0x0040
        } else {
            // Half of the last place, minus one where the last bit is even: so that a tie goes to even.
            bitPattern = UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
        }
    }

    /// The same value, exactly.
    @inlinable public var floatValue: Float { Float(bitPattern: UInt32(bitPattern) << 16) }

    public var description: String { "\(floatValue)" }
}
