/// How the ranks' values become one.
public enum Reduction: UInt8, Hashable, Sendable, CaseIterable {
    /// The sum. Integers wrap around on overflow.
    case sum = 1
    /// The sum divided by the number of ranks. Integers: the wrapped sum, divided towards zero.
    case mean = 2
    /// The product. Integers wrap around on overflow.
    case product = 3
    /// The smallest value. A NaN on any rank makes the result NaN; of -0 and +0 the one of the lower rank stays.
    case min = 4
    /// The largest value; NaN and zeros as for `min`.
    case max = 5
}
