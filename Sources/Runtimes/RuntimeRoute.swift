/// A way for the ranks' collectives.
public enum RuntimeRoute: String, Hashable, Sendable, Codable, CaseIterable, CustomStringConvertible {
    /// NCCL as it is, with its own support for MIG.
    case nccl
    /// NCCL with an identity for each rank, its traffic through our plugin and host shared memory.
    case ncclPlugin = "nccl-plugin"
    /// NCCL with an identity for each rank, its traffic through its own sockets.
    case ncclSocket = "nccl-socket"
    /// PyTorch's backend `flexmig`, without NCCL.
    case flexmig

    public var description: String { rawValue }

    /// Whether each rank's NCCL must take the others for other machines.
    public var hasHostIDs: Bool { self == .ncclPlugin || self == .ncclSocket }
}

/// What the user asks for.
public enum RuntimeChoice: String, Hashable, Sendable, Codable, CaseIterable {
    case auto, nccl
    case ncclPlugin = "nccl-plugin"
    case ncclSocket = "nccl-socket"
    case flexmig

    /// The route that is asked for; nil lets the facts decide.
    public var route: RuntimeRoute? { RuntimeRoute(rawValue: rawValue) }
}
