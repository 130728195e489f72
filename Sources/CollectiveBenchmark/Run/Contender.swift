import Platform

/// An implementation that takes turns with the others.
public struct Contender: Hashable, Sendable {
    /// How its ranks are started.
    enum Kind: Hashable, Sendable {
        /// `flexmig bench rank`, one process for each rank.
        case ours(BenchmarkRank.Role)
        /// The `run` of an installed peer.
        case peer(folder: String)
    }

    /// As in the table: "flexmig", "openmpi".
    public let name: String
    /// Such as "Open MPI 4.1.4 (Debian)".
    public let version: String
    let kind: Kind

    public var isPeer: Bool { if case .peer = kind { true } else { false } }
    package var isCopy: Bool { kind == .ours(.copy) }

    /// Flex-MIG on private memory and on tensors that all ranks reach.
    public static func ours(version: String) -> [Contender] {
        [
            Contender(name: "flexmig", version: "Flex-MIG \(version), private memory", kind: .ours(.private)),
            Contender(name: "flexmig-tensor", version: "Flex-MIG \(version), makeTensor", kind: .ours(.tensor)),
        ]
    }

    /// What measures the limit.
    public static let copy = Contender(
        name: "memcpy", version: "memcpy and a non-temporal copy, the better", kind: .ours(.copy))

    init(name: String, version: String, kind: Kind) {
        self.name = name
        self.version = version
        self.kind = kind
    }
}

/// The peers that are installed in a folder.
public struct InstalledPeers: Sendable {
    /// By name.
    public let all: [Contender]
    private let folder: String

    /// - Parameter folder: with a folder for each peer, as `scripts/install-peers` makes it; a missing one has none.
    public init(in folder: String) {
        self.folder = folder
        let absolute = (try? Files.absolute(folder)) ?? folder
        let names = (try? Files.names(in: absolute)) ?? []
        all = names.compactMap { name in
            let path = "\(absolute)/\(name)"
            guard let version = try? Files.readText("\(path)/version"), Files.isExecutable("\(path)/run") else {
                return nil
            }
            let line = version.split(separator: "\n").first.map(String.init) ?? name
            return Contender(name: name, version: line, kind: .peer(folder: path))
        }
    }

    /// Peers that are not installed.
    public struct Missing: Error, CustomStringConvertible {
        public let description: String
    }

    /// The peers of a list; "all" stands for all.
    ///
    /// - Throws: `Missing`, saying what is installed and how to install.
    public func named(_ names: [String]) throws(Missing) -> [Contender] {
        var found: [Contender] = []
        var missing: [String] = []
        for name in names {
            let chosen = name == "all" ? all : all.filter { $0.name == name }
            if chosen.isEmpty { missing.append(name) }
            for peer in chosen where !found.contains(peer) { found.append(peer) }
        }
        if missing.isEmpty { return found }
        let installed = all.isEmpty ? "none" : all.map(\.name).joined(separator: ", ")
        let wanted = missing.filter { $0 != "all" }
        throw Missing(
            description: "not installed in \(folder): \(missing.joined(separator: ", ")) (installed: \(installed))\n"
                + "Install with: scripts/install-peers \(wanted.joined(separator: " "))")
    }
}
