/// Where a figure of a model table comes from, so that nobody takes a guess for a measurement.
public enum Evidence: String, Hashable, Sendable, Codable, CaseIterable {
    /// Printed by `nvidia-smi` on a real GPU and published by its user.
    case listing
    /// Stated in NVIDIA's MIG User Guide.
    case guide
    /// Used in the configuration files of NVIDIA's own MIG tools.
    case configuration
    /// Read from NVIDIA's open kernel modules.
    case kernel
    /// Read from NVIDIA's `nvml.h`.
    case header
    /// Answered through NVML by the driver at hand. Never used in the tables of this library.
    case driver
    /// Concluded from related GPUs; nobody was seen to confirm it.
    case inferred

    /// The source in plain words, fit for a sentence such as "this figure is ...".
    public var explanation: String {
        switch self {
        case .listing: "printed by nvidia-smi on a real GPU"
        case .guide: "stated in NVIDIA's MIG User Guide"
        case .configuration: "used in the configuration of NVIDIA's MIG tools"
        case .kernel: "read from NVIDIA's open kernel modules"
        case .header: "read from NVIDIA's nvml.h"
        case .driver: "answered by the driver in use"
        case .inferred: "concluded from related GPUs, not confirmed"
        }
    }
}
