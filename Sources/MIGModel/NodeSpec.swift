/// The GPUs of a node or a cluster, as people write them: `a100-40gb:2` or `a100-40gb:50,h100-80gb:8`.
///
/// Items keep their order, and a model may appear twice. There is at least one GPU and at most ``maximumGPUs``.
public struct NodeSpec: Hashable, Sendable {
    /// A number of equal GPUs.
    public struct Item: Hashable, Sendable {
        /// What each of the GPUs is.
        public var model: GPUModel
        /// 1 or more.
        public var count: Int

        public init(model: GPUModel, count: Int) {
            self.model = model
            self.count = count
        }
    }

    /// The most GPUs that all items may have together, unless more are allowed.
    public static let maximumGPUs = 4096

    /// The items as written, at least one.
    public let gpus: [Item]

    /// Number of GPUs of all items.
    public var count: Int { gpus.reduce(0) { $0 + $1.count } }

    /// The model of each GPU, in order: GPU 0 first. As long as ``count``.
    public var models: [GPUModel] {
        gpus.flatMap { item in repeatElement(item.model, count: item.count) }
    }

    /// A spec of these items. Throws for no items, for a count below 1 and for too many GPUs.
    public init(_ gpus: [Item]) throws(NodeSpecError) {
        try self.init(gpus.map { ($0, "\($0.model.id):\($0.count)") })
    }

    /// Reads items separated by commas, each a model ID and, after a colon, a count in decimal digits; the count is 1 where it is left out.
    ///
    /// Spaces are not skipped. The error tells which item is wrong and why.
    ///
    /// - Parameter limit: the most GPUs of all items; a cluster that is only computed may have more than a node.
    public init(parsing text: String, atMost limit: Int = NodeSpec.maximumGPUs) throws(NodeSpecError) {
        var gpus: [(Item, text: String)] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            gpus.append((try NodeSpec.item(parsing: String(item), limit), text: String(item)))
        }
        try self.init(gpus, atMost: limit)
    }

    /// `text` is how the item was written, for the error.
    private init(
        _ gpus: [(item: Item, text: String)], atMost limit: Int = NodeSpec.maximumGPUs
    ) throws(NodeSpecError) {
        guard !gpus.isEmpty else { throw NodeSpecError(item: "", reason: .emptyItem) }
        var room = limit
        for (item, text) in gpus {
            guard item.count >= 1 else { throw NodeSpecError(item: text, reason: .countBelowOne) }
            guard item.count <= room else { throw NodeSpecError(item: text, reason: .tooManyGPUs, limit: limit) }
            room -= item.count
        }
        self.gpus = gpus.map(\.item)
    }

    private static func item(parsing text: String, _ limit: Int) throws(NodeSpecError) -> Item {
        guard !text.isEmpty else { throw NodeSpecError(item: text, reason: .emptyItem) }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard let model = GPUModel.named(name) else { throw NodeSpecError(item: text, reason: .unknownModel(name)) }
        guard parts.count == 2 else { return Item(model: model, count: 1) }

        let digits = parts[1].first == "-" ? parts[1].dropFirst() : parts[1]
        guard !digits.isEmpty, digits.allSatisfy({ ("0"..."9").contains($0) }) else {
            throw NodeSpecError(item: text, reason: .countNotANumber)
        }
        guard parts[1].first != "-" else { throw NodeSpecError(item: text, reason: .countBelowOne) }
        // Only a number too large for Int fails here.
        guard let count = Int(digits) else { throw NodeSpecError(item: text, reason: .tooManyGPUs, limit: limit) }
        return Item(model: model, count: count)
    }
}

extension NodeSpec: CustomStringConvertible {
    /// The spec with every count written out: `a100-40gb:1,h100-80gb:8`. ``init(parsing:)`` reads it back.
    public var description: String {
        gpus.map { "\($0.model.id):\($0.count)" }.joined(separator: ",")
    }
}

extension NodeSpec: Codable {
    /// Reads the text form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            try self.init(parsing: container.decode(String.self))
        } catch let error as NodeSpecError {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: error.description, underlyingError: error))
        }
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
