/// The calls, as ranks compare them and statistics count them. The raw values are part of the layout's version.
public enum CollectiveKind: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    case barrier = 1
    case broadcast = 2
    case allGather = 3
    case allReduce = 4
    case reduceScatter = 5
    case reduce = 6
    case gather = 7
    case scatter = 8
    case allToAll = 9
    case send = 10
    case receive = 11
    /// Splitting a communicator.
    case split = 12
    /// Allocating a tensor.
    case allocate = 13

    public var description: String {
        switch self {
        case .barrier: "barrier"
        case .broadcast: "broadcast"
        case .allGather: "all-gather"
        case .allReduce: "all-reduce"
        case .reduceScatter: "reduce-scatter"
        case .reduce: "reduce"
        case .gather: "gather"
        case .scatter: "scatter"
        case .allToAll: "all-to-all"
        case .send: "send"
        case .receive: "receive"
        case .split: "split"
        case .allocate: "allocation of a tensor"
        }
    }
}
