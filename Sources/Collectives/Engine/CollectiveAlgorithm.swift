/// The ways that bytes take between ranks.
public enum CollectiveAlgorithm: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// No other rank is involved.
    case alone = 0
    /// No bytes: the step itself.
    case step = 1
    /// Inside the step's own cache line: up to 40 bytes.
    case inline = 2
    /// Through the slots, whole inputs, in one step.
    case flat = 3
    /// Through the slots, chunk by chunk.
    case staged = 4
    /// Straight from and to tensors in shared memory.
    case direct = 5
    /// Copied once by the kernel, from one process's private memory to the other's.
    case singleCopy = 6

    public var description: String {
        switch self {
        case .alone: "alone"
        case .step: "step"
        case .inline: "inline"
        case .flat: "flat"
        case .staged: "staged"
        case .direct: "direct"
        case .singleCopy: "single-copy"
        }
    }
}
