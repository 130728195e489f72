/// How one GPU can be cut: its slices and the profiles it offers.
///
/// This is all that planning needs. A geometry comes from a ``GPUModel`` or is built from what a driver answers;
/// in the second case the profiles may carry other names, MiB and even placements than the model's.
public struct MIGGeometry: Hashable, Sendable, Codable {
    /// Memory slices of the GPU: 8, or 4 on A30.
    public var memorySlices: Int

    /// Compute slices of the GPU: 7, or 4 on A30.
    public var computeSlices: Int

    /// The profiles, in the order they were given. IDs and names are unique.
    public var profiles: [MIGProfile]

    /// A geometry as given; nothing is checked. Of two profiles with one ID only the first is ever found.
    public init(memorySlices: Int, computeSlices: Int, profiles: [MIGProfile]) {
        self.memorySlices = memorySlices
        self.computeSlices = computeSlices
        self.profiles = profiles
    }

    /// Returns the profile of that exact name, such as `1g.5gb+me`. O(profiles).
    public func profile(named name: String) -> MIGProfile? {
        profiles.first { $0.name == name }
    }

    /// Returns the profile of that ID. O(profiles).
    public func profile(id: MIGProfile.ID) -> MIGProfile? {
        profiles.first { $0.id == id }
    }

    /// Returns the first profile that makes leaves of that type.
    public func profile(for leafType: LeafType) -> MIGProfile? {
        profiles.first { $0.leafType == leafType }
    }

    /// Returns how much of the resource the whole GPU has, or nil where the profiles do not tell.
    ///
    /// Engines are those of the profiles that span all memory slices; the largest figure where there are several.
    public func total(of resource: LayoutResource) -> Int? {
        if resource == .computeSlices { return computeSlices }
        return profiles.filter { $0.memorySlices == memorySlices }.map { $0.amount(of: resource) }.max()
    }

    /// Returns the memory of all instances of the layout in MiB, or nil where it is unknown for one of them.
    public func memoryMiB(of layout: Layout) -> Int? { sum(over: layout, \.memoryMiB) }

    /// Returns the streaming multiprocessors of all instances of the layout, or nil where they are unknown for one of them.
    public func multiprocessors(of layout: Layout) -> Int? { sum(over: layout, \.multiprocessors) }

    private func sum(over layout: Layout, _ figure: KeyPath<MIGProfile, Int?>) -> Int? {
        var sum = 0
        for spec in layout.specs {
            guard let amount = profile(id: spec.profile)?[keyPath: figure] else { return nil }
            sum += amount
        }
        return sum
    }
}
