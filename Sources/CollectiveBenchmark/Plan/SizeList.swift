/// The sizes of `--sizes`: a list such as "8,1K,32M", a span such as "8:256M", or both mixed.
public struct SizeList: Sendable {
    /// A word of the list.
    private enum Item: Sendable {
        case one(Int)
        case span(Int, Int)
    }
    private let items: [Item]

    /// Why a text is no list of sizes.
    public struct Problem: Error, CustomStringConvertible {
        public let description: String
    }

    static let largest = 1 << 40

    /// - Throws: `Problem`, naming the word.
    public init(_ text: String) throws(Problem) {
        var items: [Item] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = word.split(separator: ":", omittingEmptySubsequences: false)
            guard ends.count <= 2 else { throw Problem(description: "\(word) is not FROM:TO") }
            let first = try Self.size(String(ends[0]))
            if ends.count == 1 {
                items.append(.one(first))
            } else {
                let last = try Self.size(String(ends[1]))
                if last < first { throw Problem(description: "\(word) goes down") }
                items.append(.span(first, last))
            }
        }
        self.items = items
    }

    private static func size(_ text: String) throws(Problem) -> Int {
        let units: [Character: Int] = ["K": 10, "M": 20, "G": 30, "k": 10, "m": 20, "g": 30]
        let shift = text.last.flatMap { units[$0] }
        let digits = shift == nil ? text : String(text.dropLast())
        guard let number = Int(digits), digits.allSatisfy(\.isNumber), number > 0, number <= largest >> (shift ?? 0)
        else {
            throw Problem(description: "\"\(text)\" is not a number of bytes such as 8, 64K or 256M")
        }
        return number << (shift ?? 0)
    }

    /// All sizes in their order, each once.
    ///
    /// - Parameter factor: 2 and more: from one size of a span to the next. The span's end is always among them.
    public func bytes(factor: Int) -> [Int] {
        var all: [Int] = []
        func add(_ size: Int) { if !all.contains(size) { all.append(size) } }
        for item in items {
            switch item {
            case .one(let size): add(size)
            case .span(let first, let last):
                var size = first
                while size < last {
                    add(size)
                    size *= max(2, factor)
                }
                add(last)
            }
        }
        return all
    }

    /// A number of bytes as it was written: "64K", "256M", "100".
    package static func text(_ bytes: Int) -> String {
        for (unit, shift) in [("G", 30), ("M", 20), ("K", 10)] where bytes > 0 && bytes & ((1 << shift) - 1) == 0 {
            return "\(bytes >> shift)\(unit)"
        }
        return "\(bytes)"
    }
}
