import MIGModel

/// What switching MIG mode takes on a GPU. Nobody here does it: this is for telling people.
public enum MIGModeSwitch: Hashable, Sendable {
    /// Up to Ampere: the GPU is reset, so nothing may use it; the mode then stays over reboots.
    case reset
    /// From Hopper on: no reset, but the mode is lost when the driver unloads.
    case lostWithDriver
    case unknown

    /// By CUDA's compute capability, else by the model's row.
    public init(_ gpu: GPU) {
        if let capability = gpu.computeCapability {
            self = capability.major >= 9 ? .lostWithDriver : .reset
        } else if let model = gpu.model.flatMap({ GPUModel.named($0.rawValue) }) {
            self = model.migModeNeedsReset ? .reset : .lostWithDriver
        } else {
            self = .unknown
        }
    }

    /// What it takes, in one or two sentences.
    public var explanation: String {
        switch self {
        case .reset:
            "On this GPU it takes a reset: nothing may use the GPU meanwhile, monitoring services included. "
                + "The mode then stays over reboots."
        case .lostWithDriver:
            "On this GPU it takes no reset, but the mode is lost when the driver unloads, as at every reboot."
        case .unknown: "On GPUs up to Ampere it takes a reset of the GPU, which nothing may use meanwhile."
        }
    }
}
