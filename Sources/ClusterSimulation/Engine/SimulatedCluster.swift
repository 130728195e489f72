import MIGModel

/// The GPUs of a simulated cluster, in nodes.
public struct SimulatedCluster: Hashable, Sendable {
    /// Equal GPUs.
    public struct Part: Hashable, Sendable {
        public var model: GPUModel
        public var count: Int

        public init(_ model: GPUModel, count: Int) {
            self.model = model
            self.count = count
        }
    }

    public let parts: [Part]
    /// 1 or more. A node has GPUs of one part only; the last of a part may have fewer.
    public let gpusPerNode: Int

    public init(_ parts: [Part], gpusPerNode: Int = 8) {
        self.parts = parts.filter { $0.count > 0 }
        self.gpusPerNode = max(gpusPerNode, 1)
    }

    /// The cluster that people write as `a100-40gb:50,h100-80gb:8`.
    public init(_ spec: NodeSpec, gpusPerNode: Int = 8) {
        self.init(spec.gpus.map { Part($0.model, count: $0.count) }, gpusPerNode: gpusPerNode)
    }

    public var gpuCount: Int { parts.reduce(0) { $0 + $1.count } }

    /// For each node the part that its GPUs are of, and how many they are.
    public var nodes: [(part: Int, gpus: Int)] {
        parts.indices.flatMap { part in
            stride(from: 0, to: parts[part].count, by: gpusPerNode).map { first in
                (part, min(gpusPerNode, parts[part].count - first))
            }
        }
    }

    /// Compute slices of all GPUs.
    public var computeSlices: Int { parts.reduce(0) { $0 + $1.count * $1.model.geometry.computeSlices } }
}
