import Collectives

/// The memory of one of a trial's tensors: this process's own, or a part of a tensor, with a margin on both sides that
/// no call may touch. The margin also puts the elements where no vector or line begins.
struct Room<Number: TrialElement> {
    static var margin: Int { 3 }

    private var array: [Number] = []
    let tensor: Tensor<Number>?
    private let range: Range<Int>

    /// - Parameter tensor: long enough; nil for own memory.
    /// - Parameter isWhole: whether the tensor has no margins.
    init(_ elements: [Number], in tensor: Tensor<Number>?, isWhole: Bool = false) {
        let margin = isWhole ? 0 : Self.margin
        range = margin..<margin + elements.count
        self.tensor = tensor
        let all = Self.border(margin) + elements + Self.border(margin)
        if let tensor {
            for (index, element) in all.enumerated() { tensor[index] = element }
        } else {
            array = all
        }
    }

    private static func border(_ margin: Int) -> [Number] {
        [Number](repeating: Number(random: 99 << 20), count: margin)
    }

    func withSpan<Result>(
        _ body: (Span<Number>) throws(CollectiveError) -> Result
    ) throws(CollectiveError) -> Result {
        guard let tensor else { return try body(array.span.extracting(range)) }
        return try tensor.withSpan { span throws(CollectiveError) in try body(span.extracting(range)) }
    }

    mutating func withMutableSpan<Result>(
        _ body: (inout MutableSpan<Number>) throws(CollectiveError) -> Result
    ) throws(CollectiveError) -> Result {
        let range = range
        guard let tensor else {
            var span = array.mutableSpan
            var part = span._mutatingExtracting(range)
            return try body(&part)
        }
        return try tensor.withMutableSpan { span throws(CollectiveError) in
            var part = span._mutatingExtracting(range)
            return try body(&part)
        }
    }

    /// The elements; nil when a margin was touched.
    var elements: [Number]? {
        var all = array
        if let tensor { all = (0..<range.upperBound + range.lowerBound).map { tensor[$0] } }
        let border = Self.border(range.lowerBound).map(\.bits)
        guard all[..<range.lowerBound].map(\.bits) == border, all[range.upperBound...].map(\.bits) == border else {
            return nil
        }
        return Array(all[range])
    }
}
