/// Why a geometry cannot have a layout.
public enum LayoutProblem: Error, Hashable, Sendable {
    /// The GPU has no profile of that ID.
    case unknownProfile(MIGSpec)
    /// The profile may not lie there; `legal` are the placements it may have on an empty GPU.
    case illegalPlacement(MIGSpec, legal: [Placement])
    /// The two instances share a memory slice. The first comes earlier in the layout.
    case overlap(MIGSpec, MIGSpec)
    /// The layout has more instances of the profile than the GPU takes.
    case tooManyInstances(of: MIGProfile.ID, maximum: Int)
    /// The instances together need more of a resource than the GPU has.
    case notEnough(LayoutResource, wanted: Int, available: Int)
    /// No choice of placements has room for one instance of each profile beside what is placed.
    case noRoom(for: [MIGProfile.ID], beside: Layout)
}

extension LayoutProblem: CustomStringConvertible {
    /// The problem in words, profiles by ID.
    public var description: String {
        written(spec: { $0.description }, profile: { "profile \($0)" })
    }

    /// The problem in words, profiles by name where the geometry has them.
    public func description(on geometry: MIGGeometry) -> String {
        written(
            spec: { $0.description(on: geometry) },
            profile: { geometry.profile(id: $0)?.name ?? "profile \($0)" })
    }

    private func written(spec: (MIGSpec) -> String, profile: (MIGProfile.ID) -> String) -> String {
        switch self {
        case .unknownProfile(let wanted):
            "\(spec(wanted)): this GPU has no profile \(wanted.profile)"
        case .illegalPlacement(let wanted, let legal):
            "\(spec(wanted)): this profile can only lie at \(legal.map(\.description).joined(separator: ", "))"
        case .overlap(let first, let second):
            "\(spec(first)) and \(spec(second)) overlap"
        case .tooManyInstances(let id, let maximum):
            "more than \(maximum) x \(profile(id)), the most that this GPU takes"
        case .notEnough(let resource, let wanted, let available):
            "\(wanted) \(resource.words) wanted, \(available) available"
        case .noRoom(let profiles, let layout):
            "no placements have room for \(profiles.map(profile).joined(separator: ", "))"
                + (layout.specs.isEmpty ? "" : " beside \(layout.specs.map(spec).joined(separator: ", "))")
        }
    }
}

/// Something that all instances of a GPU share out, besides memory slices.
///
/// Copy engines are left out: no driver was seen to refuse an instance for them.
public enum LayoutResource: String, Hashable, Sendable, Codable, CaseIterable {
    case computeSlices, decoders, encoders, jpegDecoders, opticalFlowAccelerators

    /// The plural in words, such as "compute slices".
    public var words: String {
        switch self {
        case .computeSlices: "compute slices"
        case .decoders: "video decoders"
        case .encoders: "video encoders"
        case .jpegDecoders: "JPEG decoders"
        case .opticalFlowAccelerators: "optical flow accelerators"
        }
    }
}

extension MIGProfile {
    /// Returns how much of the resource one instance takes.
    public func amount(of resource: LayoutResource) -> Int {
        switch resource {
        case .computeSlices: computeSlices
        case .decoders: engines.decoder
        case .encoders: engines.encoder
        case .jpegDecoders: engines.jpeg
        case .opticalFlowAccelerators: engines.ofa
        }
    }
}
