/// A layout that people ask for by name.
public enum LayoutName: String, Hashable, Sendable, Codable, CaseIterable {
    /// A thin leaf at every legal start: 7 on GPUs with 8 memory slices, 4 on A30.
    case thin
    /// A fat leaf on the last memory slices and thin leaves on all others, so that no memory slice is left over: 6 thin and 1 fat.
    ///
    /// Valid by the placement tables; no listing of a GPU cut this way has been found.
    case full
    /// A fat leaf at every legal start: 4.
    case doubles

    /// Reads a name, exactly as written above. The error lists the known names.
    public static func parse(_ text: String) throws(UnknownLayoutName) -> LayoutName {
        guard let name = LayoutName(rawValue: text) else { throw UnknownLayoutName(text: text) }
        return name
    }

    /// Returns the names that a GPU of this geometry can have.
    public static func available(on geometry: MIGGeometry) -> [LayoutName] {
        allCases.filter { name in
            if case .success = name.build(on: geometry) { true } else { false }
        }
    }

    /// Returns the named layout for a GPU of this geometry, which is then valid on it, or the reason why there is none.
    public func layout(on geometry: MIGGeometry) -> Result<Layout, LayoutUnavailable> {
        build(on: geometry).mapError { reason in
            LayoutUnavailable(
                name: self, reason: reason,
                profiles: geometry.profiles.map(\.name), alternatives: LayoutName.available(on: geometry))
        }
    }

    private func build(on geometry: MIGGeometry) -> Result<Layout, LayoutUnavailable.Reason> {
        let thin = geometry.profile(for: .thin)?.specs ?? []
        let fat = geometry.profile(for: .fat)?.specs ?? []
        if self != .thin, fat.isEmpty { return .failure(.noDoubleMemoryProfile) }
        if self != .doubles, thin.isEmpty { return .failure(.noThinProfile) }

        let layout: Layout
        switch self {
        case .thin:
            layout = Layout(thin)
        case .doubles:
            layout = Layout(fat)
        case .full:
            let last = fat.suffix(1)
            layout = Layout(thin.filter { leaf in !last.contains { $0.placement.overlaps(leaf.placement) } } + last)
            guard layout.memorySlices == geometry.memorySlices else { return .failure(.slicesLeftOver) }
        }
        if let problem = geometry.problem(in: layout) { return .failure(.invalid(problem)) }
        return .success(layout)
    }
}

extension MIGProfile {
    /// One wanted instance per legal placement, ascending.
    fileprivate var specs: [MIGSpec] {
        placements.sorted().map { MIGSpec(profile: id, placement: $0) }
    }
}

/// A text that names no layout.
public struct UnknownLayoutName: Error, Hashable, Sendable, CustomStringConvertible {
    /// The text as given.
    public let text: String

    public init(text: String) { self.text = text }

    public var description: String {
        "unknown layout \"\(text)\"; known: \(LayoutName.allCases.map(\.rawValue).joined(separator: ", "))"
    }
}
