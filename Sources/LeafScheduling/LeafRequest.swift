import MIGModel

/// What a job asks for: how many leaves, of which kind, and how they should lie.
public struct LeafRequest: Hashable, Sendable {
    /// Which leaves will do.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// 1g leaves with ordinary memory.
        case thin
        /// 1g leaves with double memory.
        case fat
        /// Every leaf. Leaves of one kind are preferred to a mixture, because ranks wait for the slowest.
        case any
    }

    /// How a job's leaves are spread over the GPUs.
    public enum Arrangement: String, Hashable, Sendable, CaseIterable {
        /// As few GPUs as possible, and of those the fullest: keeps room together for others.
        case pack
        /// As many GPUs as possible: each GPU's PCIe link serves fewer ranks.
        case spread
    }

    /// At least 1.
    public var count: Int
    public var kind: Kind
    /// Each leaf's memory in MiB, at least; nil asks for none in particular.
    public var minimumMemoryMiB: Int?
    public var arrangement: Arrangement

    public init(count: Int, kind: Kind = .any, minimumMemoryMiB: Int? = nil, arrangement: Arrangement = .pack) {
        self.count = count
        self.kind = kind
        self.minimumMemoryMiB = minimumMemoryMiB
        self.arrangement = arrangement
    }

    /// Whether a leaf will do.
    public func accepts(_ leaf: Leaf) -> Bool {
        if let minimumMemoryMiB, leaf.memoryMiB < minimumMemoryMiB { return false }
        return switch kind {
        case .any: true
        case .thin: leaf.leafType == .thin
        case .fat: leaf.leafType == .fat
        }
    }
}
