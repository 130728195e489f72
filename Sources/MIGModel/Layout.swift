/// The placed profiles of one GPU.
///
/// A layout is only a list, kept in ascending order (start, size, profile ID); two layouts with the same instances are equal.
/// Whether a GPU can have it is asked of a ``MIGGeometry``. The empty layout is a GPU without instances.
public struct Layout: Hashable, Sendable {
    /// The wanted instances, ascending.
    public let specs: [MIGSpec]

    /// The layout of these instances, in any order. Sorts: O(n log n).
    public init(_ specs: some Sequence<MIGSpec>) {
        self.specs = specs.sorted()
    }

    /// Number of memory slices that the placements name, counted twice where two overlap.
    public var memorySlices: Int { specs.reduce(0) { $0 + $1.placement.size } }

    /// Returns the layout with one more instance.
    public func adding(_ spec: MIGSpec) -> Layout { Layout(specs + [spec]) }
}

extension Layout: Codable {
    private enum CodingKeys: String, CodingKey { case specs }

    /// Reads `specs` in any order.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(try container.decode([MIGSpec].self, forKey: .specs))
    }
}

extension Layout: CustomStringConvertible {
    /// Profile IDs and placements, `19@0:1 14@2:2`, or `empty`.
    public var description: String { written { $0.description } }

    /// Profile names and placements, `1g.5gb@0:1 2g.10gb@2:2`, or `empty`. The ID stands for a profile that the geometry lacks.
    public func description(on geometry: MIGGeometry) -> String { written { $0.description(on: geometry) } }

    private func written(_ spec: (MIGSpec) -> String) -> String {
        specs.isEmpty ? "empty" : specs.map(spec).joined(separator: " ")
    }
}
