/// What kind of leaf an instance of a profile makes.
public enum LeafType: Hashable, Sendable {
    /// One compute slice and one memory slice, no attributes: the plain 1g profile.
    case thin
    /// One compute slice and two memory slices, no attributes: the 1g profile with double memory.
    case fat
    /// Any other profile, with its name. Profiles with attributes, such as `1g.5gb+me`, are here.
    case other(profile: String)
}

extension LeafType: RawRepresentable, Codable, CustomStringConvertible {
    /// `thin`, `fat` or the profile's name.
    public var rawValue: String {
        switch self {
        case .thin: "thin"
        case .fat: "fat"
        case .other(let profile): profile
        }
    }

    /// The leaf type that prints so; every text but `thin` and `fat` is taken for a profile's name.
    public init(rawValue: String) {
        switch rawValue {
        case "thin": self = .thin
        case "fat": self = .fat
        default: self = .other(profile: rawValue)
        }
    }

    public var description: String { rawValue }
}

extension MIGProfile {
    /// The leaf that an instance of this profile makes. Decided by slices and attributes, never by MiB or SMs.
    public var leafType: LeafType {
        guard attributes.isEmpty, computeSlices == 1 else { return .other(profile: name) }
        switch memorySlices {
        case 1: return .thin
        case 2: return .fat
        default: return .other(profile: name)
        }
    }
}
