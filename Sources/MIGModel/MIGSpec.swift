/// A GPU instance that is wanted: a profile at a placement.
///
/// It may exist, not yet exist, or be impossible. What exists is a ``MIGDevice``.
/// Specs order by placement (start, then size), then by profile ID.
public struct MIGSpec: Hashable, Sendable, Codable {
    /// What to make.
    public var profile: MIGProfile.ID
    /// Where to make it.
    public var placement: Placement

    /// Any pair can be held; a ``MIGGeometry`` judges it.
    public init(profile: MIGProfile.ID, placement: Placement) {
        self.profile = profile
        self.placement = placement
    }
}

extension MIGSpec: Comparable {
    public static func < (left: MIGSpec, right: MIGSpec) -> Bool {
        (left.placement, left.profile.rawValue) < (right.placement, right.profile.rawValue)
    }
}

extension MIGSpec: CustomStringConvertible {
    /// Profile ID and placement: `19@0:1`.
    public var description: String { "\(profile)@\(placement)" }

    /// Profile name and placement: `1g.5gb@0:1`. The ID stands for a profile that the geometry lacks.
    public func description(on geometry: MIGGeometry) -> String {
        guard let name = geometry.profile(id: profile)?.name else { return description }
        return "\(name)@\(placement)"
    }
}
