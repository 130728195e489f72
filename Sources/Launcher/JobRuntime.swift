import Runtimes

/// The route of a job's collectives, settled for all its ranks.
public struct JobRuntime: Hashable, Sendable, Codable {
    /// nil: none is needed.
    public var route: RuntimeRoute?
    /// For all ranks.
    public var variables: [String: String]
    /// Whether each rank gets an `NCCL_HOSTID` of its own.
    public var setsHostIDs: Bool

    public init(route: RuntimeRoute? = nil, variables: [String: String] = [:], setsHostIDs: Bool = false) {
        self.route = route
        self.variables = variables
        self.setsHostIDs = setsHostIDs
    }

    public init(_ decision: RuntimeDecision) {
        self.init(route: decision.route, variables: decision.variables, setsHostIDs: decision.setsHostIDs)
    }

    /// What `flexmig run` has settled for the ranks; nil when there was none around this process, or when it had
    /// nothing to settle.
    public init?(environment: [String: String]) {
        guard let route = environment[RouteVariable.route].flatMap(RuntimeRoute.init) else { return nil }
        let names = (environment[RouteVariable.names] ?? "").split(separator: ",").map(String.init)
        self.init(
            route: route,
            variables: Dictionary(
                uniqueKeysWithValues: Set(names).compactMap { name in
                    name == RouteVariable.hostID ? nil : environment[name].map { (name, $0) }
                }),
            setsHostIDs: names.contains(RouteVariable.hostID))
    }

    /// An environment with the route's variables, and without those of an older route.
    ///
    /// - Parameter hostID: of the one rank that this environment is for.
    public func environment(adding base: [String: String], hostID: String? = nil) -> [String: String] {
        var result = base
        for name in (base[RouteVariable.names] ?? "").split(separator: ",") where name.hasPrefix("NCCL_") {
            result[String(name)] = nil
        }
        result[RouteVariable.route] = route?.rawValue
        result[RouteVariable.names] = nil
        guard route != nil else { return result }
        let names = variables.keys.sorted() + (setsHostIDs ? [RouteVariable.hostID] : [])
        result[RouteVariable.names] = names.joined(separator: ",")
        result.merge(variables) { $1 }
        if setsHostIDs { result[RouteVariable.hostID] = hostID }
        return result
    }
}
