/// What a container engine does to give a container a device: a file of the Container Device Interface.
///
/// Only fields that version 0.5.0 of its specification has, so that older engines read it: podman 4.3 refuses more.
public struct CDISpec: Hashable, Sendable, Encodable {
    public static let kind = "flexmig.dev/leaf"

    public struct DeviceNode: Hashable, Sendable, Encodable {
        /// In the container; on the host, if it is there, too.
        public var path: String
        public var type = "c"
        public var major: Int
        public var minor: Int
        /// Permissions of the file; nil leaves them to the engine.
        public var fileMode: Int?
        /// What the container may do with it: "rw", or "r".
        public var permissions: String
    }

    public struct Mount: Hashable, Sendable, Encodable {
        public var hostPath: String
        public var containerPath: String
        public var options = ["ro", "nosuid", "nodev", "bind"]
    }

    public struct Hook: Hashable, Sendable, Encodable {
        public var hookName = "createContainer"
        public var path: String
        public var args: [String]

        /// - Parameter args: the program's name first.
        public init(path: String, args: [String]) {
            self.path = path
            self.args = args
        }
    }

    public struct Edits: Hashable, Sendable, Encodable {
        /// "NAME=value".
        public var env: [String]?
        public var deviceNodes: [DeviceNode]?
        public var mounts: [Mount]?
        public var hooks: [Hook]?
    }

    public struct Device: Hashable, Sendable, Encodable {
        public var name: String
        public var containerEdits: Edits
    }

    public var cdiVersion = "0.5.0"
    public var kind = Self.kind
    public var devices: [Device]
    /// For every container that gets one of the devices.
    public var containerEdits: Edits

    /// The name that engines look for in /etc/cdi and /var/run/cdi, without an ending.
    public static let fileName = "flexmig.dev-leaf"

    /// The environment variable that tells a container of one leaf; each leaf has another, so that those of several leaves add up.
    public static let leafVariablePrefix = "FLEXMIG_LEAF_AT_"
}
