import Platform
import Synchronization

/// Why a context can't be opened, in the words that CUDA has for it.
public struct SimulatedContextError: Error, Sendable, CustomStringConvertible {
    public let reason: String
    public var description: String { reason }
}

/// A process's hold on a simulated MIG device, as a CUDA context would be.
///
/// A program that computes on a leaf opens one; the driver then shows the process on that leaf until the context
/// is closed or the process ends.
public final class SimulatedContext: Sendable {
    public let leaf: String
    private let node: SimulatedNode
    private let entry: Mutex<ContextEntry?>

    /// Opens a context on a MIG device of a node.
    ///
    /// - Parameter leaf: the MIG device's UUID, "MIG-...".
    /// - Parameter job: what the log shows as the job; `FLEXMIG_JOB_ID` by default.
    public init(
        on leaf: String, of node: SimulatedNode, job: String = Environment.value("FLEXMIG_JOB_ID") ?? "-"
    ) throws {
        self.leaf = leaf
        self.node = node
        let opened = try node.change { state, contexts in
            guard let found = state.computeInstance(uuid: leaf) else {
                throw SimulatedContextError(reason: "no CUDA-capable device is detected: the node has no \(leaf)")
            }
            return .init(try contexts.open(leaf: leaf, serial: found.compute.serial, job: job))
        }
        entry = Mutex(opened)
    }

    /// Opens a context on the first device that `CUDA_VISIBLE_DEVICES` names, when the job runs on a simulated
    /// node; answers nil on a machine without one.
    public static func openIfSimulated() throws -> SimulatedContext? {
        guard let directory = Environment.value(SimulatedNode.environmentVariable) else { return nil }
        let node = try SimulatedNode(opening: directory)
        guard let leaf = Environment.value("CUDA_VISIBLE_DEVICES")?.split(separator: ",").first else {
            throw SimulatedContextError(reason: "no CUDA-capable device is detected: CUDA_VISIBLE_DEVICES is empty")
        }
        return try SimulatedContext(on: String(leaf), of: node)
    }

    /// Closes the context; a second call does nothing.
    public func close() {
        guard let open = entry.withLock({ value in value.take() }) else { return }
        // The lock goes with the process in any case, so a failure here costs only the log line.
        try? node.change { _, contexts in .init(try contexts.close(open)) }
    }

    deinit { close() }
}
