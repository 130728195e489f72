/// What is wrong with a node spec.
public struct NodeSpecError: Error, Hashable, Sendable {
    /// What is wrong with the item.
    public enum Reason: Hashable, Sendable {
        /// Nothing stands between two commas, before the first, after the last, or at all.
        case emptyItem
        /// No model has that ID.
        case unknownModel(String)
        /// What follows the colon is missing or is not a whole number.
        case countNotANumber
        /// The count is 0 or negative.
        case countBelowOne
        /// With this item the spec has more than ``NodeSpecError/limit`` GPUs.
        case tooManyGPUs
    }

    /// The item that is wrong, as written.
    public let item: String
    /// What is wrong with it.
    public let reason: Reason

    /// The most GPUs that were allowed.
    public let limit: Int

    public init(item: String, reason: Reason, limit: Int = NodeSpec.maximumGPUs) {
        self.item = item
        self.reason = reason
        self.limit = limit
    }

    /// The IDs that would have been understood.
    public var knownModels: [GPUModel.ID] { GPUModel.all.map(\.id) }
}

extension NodeSpecError: CustomStringConvertible {
    /// Item, reason and known models in one line.
    public var description: String {
        let why =
            switch reason {
            case .emptyItem: "an item is empty"
            case .unknownModel(let name): "unknown GPU model \"\(name)\""
            case .countNotANumber: "the count after the colon is not a whole number"
            case .countBelowOne: "the count must be 1 or more"
            case .tooManyGPUs: "more than \(limit) GPUs in all"
            }
        let models = knownModels.map(\.rawValue).joined(separator: ", ")
        return "node spec item \"\(item)\": \(why); write MODEL:COUNT, known models: \(models)"
    }
}
