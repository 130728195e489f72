import MIGModel
import Platform
import SimulatedDriver

/// A simulated node in a directory of its own.
public struct NodeFixture: Sendable {
    public let directory: TemporaryDirectory
    public let node: SimulatedNode
    /// The node's directory.
    public var path: String { node.directory }

    /// - Parameter spec: such as "a100-40gb:2".
    public init(_ spec: String = "a100-40gb:1") throws {
        directory = try TemporaryDirectory()
        node = try SimulatedNode.create(try NodeSpec(parsing: spec), in: directory.path("node"))
    }

    /// What a program needs to find the node.
    public var environment: [String: String] { [SimulatedNode.environmentVariable: path] }

    /// Makes a GPU instance with one compute instance, by default a 1g leaf of a GPU with 8 memory slices.
    @discardableResult
    public func makeLeaf(
        at start: Int, size: Int = 1, profile: Int = 19, compute: Int = 0, on gpu: Int = 0
    ) throws -> SimulatedComputeInstance {
        try node.change { state, _ in
            let place = Placement(start: start, size: size)
            let serial = try state.createGPUInstance(profile: profile, at: place, on: gpu)
            var generator = SystemRandomNumberGenerator()
            return .init(try state.createComputeInstance(profile: compute, in: serial, using: &generator))
        }
    }

    /// The driver's log so far, after the ends of processes have been entered.
    public func events() throws -> [Event] {
        try node.change { _, _ in .init(()) }
        return try node.log.events().map(\.event)
    }

    /// A program that has a context on a leaf, or not: see its options.
    public func holder(
        of leaf: String, _ options: [String] = [], environment: [String: String] = [:]
    ) throws -> LineProgram {
        try LineProgram("context-holder", options + [leaf], environment: self.environment.merging(environment) { $1 })
    }
}
