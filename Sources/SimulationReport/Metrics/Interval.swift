/// A mean over seeds with its 95 % confidence interval by Student's t.
public struct Interval: Hashable, Sendable, Codable {
    public var mean: Double
    /// The interval is mean - half to mean + half; nil of fewer than two values.
    public var half: Double?

    public init(_ values: [Double]) {
        guard !values.isEmpty else {
            mean = 0
            return
        }
        let count = Double(values.count)
        let average = values.reduce(0, +) / count
        mean = average
        guard values.count > 1 else { return }
        let squares = values.reduce(0) { $0 + ($1 - average) * ($1 - average) }
        half = Self.quantile(freedom: values.count - 1) * (squares / (count - 1) / count).squareRoot()
    }

    /// The difference of two runs of each seed, relative to the second's, with its interval.
    public static func paired(_ values: [Double], against others: [Double]) -> Interval {
        Interval(zip(values, others).compactMap { $1 > 0 ? $0 / $1 - 1 : nil })
    }

    /// True where the interval leaves out 0.
    public var isSignificant: Bool { half.map { abs(mean) > $0 } ?? false }

    /// Student's t at 97.5 %.
    static func quantile(freedom: Int) -> Double {
        let table = [
            12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
            2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
        ]
        guard freedom > table.count else { return table[max(1, freedom) - 1] }
        // Beyond 30 the normal distribution's value, with the first term of its expansion.
        let normal = 1.959964
        return normal + (normal * normal * normal + normal) / (4 * Double(freedom))
    }
}
