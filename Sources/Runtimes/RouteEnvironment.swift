import Platform

extension RuntimeRoute {
    /// The variable that gives all-reduces to our plugin, on all ranks or on none.
    static let collNet = "NCCL_COLLNET_ENABLE"

    /// The variables of a route that are the same for all ranks; each rank's own `NCCL_HOSTID` comes on top.
    ///
    /// The sources: docs/design/runtimes.md.
    /// - Parameter base: the environment that the program would have without.
    func variables(_ facts: RuntimeFacts, base: [String: String], isForced: Bool) -> [String: String] {
        switch self {
        case .nccl:
            return ["NCCL_MULTI_RANK_GPU_ENABLE": "1", "NCCL_MNNVL_ENABLE": "0", "NCCL_NVLS_ENABLE": "0"]
        case .ncclPlugin:
            var variables = Self.identityVariables(facts)
            if case .usable(let path) = facts.plugin { variables["NCCL_NET_PLUGIN"] = path }
            // Where it is not sure that the plugin is taken, an NCCL that does not take it goes on with sockets.
            let isSure = facts.version.map { $0 <= .lastSeenWithPlugin } ?? false
            if isForced || isSure { variables["NCCL_NET"] = NCCLPluginFile.networkName }
            variables["NCCL_NET_PLUGIN_REF_COUNT"] = "1"
            variables["NCCL_PROTO"] = "^LL128"
            variables["NCCL_MIN_NCHANNELS"] = facts.hasLanes ? "8" : "4"
            guard facts.hasLanes else { return variables }
            variables[Self.collNet] = "1"
            variables["NCCL_ALGO"] = Self.algorithms(facts.version)
            variables["NCCL_COMM_SPLIT_SHARE_RESOURCES"] = "1"
            return variables
        case .ncclSocket:
            var variables = Self.identityVariables(facts)
            // Over several hosts NCCL chooses the network.
            if facts.isOneHost { variables["NCCL_NET"] = "Socket" }
            return variables
        case .flexmig:
            var variables: [String: String] = [:]
            if let folder = facts.torch.packageFolder, !facts.torch.isInstalled {
                let own = (base["PYTHONPATH"] ?? "").split(separator: ":").map(String.init)
                variables["PYTHONPATH"] = ([folder] + own.filter { $0 != folder }).joined(separator: ":")
            }
            if let library = facts.torch.library, base["FLEXMIG_LIBRARY", default: ""].isEmpty {
                variables["FLEXMIG_LIBRARY"] = library
            }
            return variables
        }
    }

    /// All but CollNetDirect, which our plugin does not serve. Versions before 2.24 know no list for each function, and
    /// would refuse it.
    private static func algorithms(_ version: NCCLVersion?) -> String {
        guard let version, version >= NCCLVersion(2, 24) else { return "CollnetChain,Ring,Tree" }
        return "allreduce:collnetchain,ring,tree;allgather:ring,pat;reducescatter:ring,pat"
    }

    private static func identityVariables(_ facts: RuntimeFacts) -> [String: String] {
        var variables = [
            "NCCL_MNNVL_ENABLE": "0", "NCCL_NVLS_ENABLE": "0", "NCCL_WIN_ENABLE": "0", "NCCL_GIN_ENABLE": "0",
        ]
        if facts.isOneHost { variables["NCCL_SOCKET_IFNAME"] = "lo" }
        return variables
    }
}
