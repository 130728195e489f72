import Platform

/// A variable of NCCL that the user has set himself, and where.
public struct UserSetting: Hashable, Sendable {
    public let value: String
    /// "the environment", or the path of a configuration file.
    public let source: String

    public init(value: String, source: String = "the environment") {
        self.value = value
        self.source = source
    }
}

extension [String: UserSetting] {
    /// The user's own `NCCL_*`: of the environment, and of the files that NCCL reads where the environment says nothing.
    ///
    /// What an enclosing `flexmig run` has set does not count.
    public init(environment: [String: String], systemFile: String = "/etc/nccl.conf") {
        self.init()
        let ours = Set((environment[RouteVariable.names] ?? "").split(separator: ",").map(String.init))
        // NCCL reads the user's file, then the system's; the first to name a variable wins.
        let own = environment["NCCL_CONF_FILE"] ?? environment["HOME"].map { "\($0)/.nccl.conf" }
        for file in [systemFile] + (own.map { [$0] } ?? []) {
            for line in ((try? Files.readText(file)) ?? "").split(separator: "\n") where !line.hasPrefix("#") {
                guard let equals = line.firstIndex(of: "="), line.hasPrefix("NCCL_") else { continue }
                self[String(line[..<equals])] = UserSetting(
                    value: String(line[line.index(after: equals)...]), source: file)
            }
        }
        for (name, value) in environment where name.hasPrefix("NCCL_") && !value.isEmpty && !ours.contains(name) {
            self[name] = UserSetting(value: value)
        }
    }
}

/// The variables between `flexmig run` and `flexmig exec` that tell of the route.
public enum RouteVariable {
    /// The route that all ranks take, once it is settled.
    public static let route = "FLEXMIG_ROUTE"
    /// The names of the variables that were set for it, with commas.
    public static let names = "FLEXMIG_ROUTE_VARIABLES"
    /// As `--runtime`.
    public static let choice = "FLEXMIG_RUNTIME"
    /// What tells a rank's NCCL apart from the others on the same GPU.
    public static let hostID = "NCCL_HOSTID"
}
