/// How sizes of generated jobs are spread over 1 to 7 slices.
public enum JobMix: String, Hashable, Sendable, Codable, CaseIterable {
    case uniform
    case skewSmall = "skew-small"
    case skewBig = "skew-big"
    case bimodal
    /// 1 to 7 slices alike: with the sizes 5 and 6 that no profile has.
    case sevenths

    /// By slices - 1, adding up to 1.
    public var weights: [Double] {
        switch self {
        case .uniform: [0.2, 0.2, 0.2, 0.2, 0, 0, 0.2]
        case .skewSmall: [0.4, 0.3, 0.15, 0.1, 0, 0, 0.05]
        case .skewBig: [0.05, 0.1, 0.15, 0.3, 0, 0, 0.4]
        case .bimodal: [0.35, 0.1, 0.1, 0.1, 0, 0, 0.35]
        case .sevenths: [Double](repeating: 1.0 / 7, count: 7)
        }
    }
}

/// Durations of generated jobs: their logarithms are normally distributed.
public struct LogNormalDurations: Hashable, Sendable {
    /// Mean of the natural logarithms of seconds.
    public var mu: Double
    /// Their standard deviation, 0 or more.
    public var sigma: Double

    public init(mu: Double, sigma: Double) {
        self.mu = mu
        self.sigma = sigma
    }

    /// The fit to all 82,247 jobs of Philly 2017 as `traces/philly2017.csv.gz` has them.
    public static let philly = LogNormalDurations(mu: 6.7909, sigma: 2.1555)
}
