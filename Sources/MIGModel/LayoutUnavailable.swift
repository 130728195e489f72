/// Why a GPU cannot have a named layout, and what to ask for instead.
public struct LayoutUnavailable: Error, Hashable, Sendable {
    /// What stands in the way.
    public enum Reason: Error, Hashable, Sendable {
        /// The GPU offers no 1g profile with one memory slice.
        case noThinProfile
        /// The GPU offers no 1g profile with two memory slices.
        case noDoubleMemoryProfile
        /// Memory slices stay unused whatever is placed.
        case slicesLeftOver
        /// The GPU's own rules refuse the layout.
        case invalid(LayoutProblem)
    }

    /// The layout that was asked for.
    public let name: LayoutName
    /// What stands in the way.
    public let reason: Reason
    /// Names of the profiles that the GPU offers.
    public let profiles: [String]
    /// Named layouts that the GPU can have.
    public let alternatives: [LayoutName]

    public init(name: LayoutName, reason: Reason, profiles: [String], alternatives: [LayoutName]) {
        self.name = name
        self.reason = reason
        self.profiles = profiles
        self.alternatives = alternatives
    }
}

extension LayoutUnavailable: CustomStringConvertible {
    /// Reason, what the GPU offers, and what to use instead, in one line.
    public var description: String {
        let why =
            switch reason {
            case .noThinProfile: "needs a 1g profile with one memory slice, which this GPU does not offer"
            case .noDoubleMemoryProfile: "needs a 1g profile with double memory, which this GPU does not offer"
            case .slicesLeftOver: "would leave memory slices of this GPU unused"
            case .invalid(let problem): "is impossible on this GPU: \(problem)"
            }
        let offers = profiles.isEmpty ? "no MIG profile" : profiles.joined(separator: ", ")
        let advice =
            alternatives.isEmpty
            ? "no named layout is possible on it"
            : "use layout \(alternatives.map { "\"\($0.rawValue)\"" }.joined(separator: " or "))"
        return "layout \"\(name.rawValue)\" \(why) (it offers \(offers)); \(advice)"
    }
}
